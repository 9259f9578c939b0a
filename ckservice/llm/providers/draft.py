"""A value that fits a JSON Schema, made without a model: a small one, with text taken from the prompt.

Knows the keywords that structured output uses, and what names of members usually stand for: a title, steps, a version.
What it can't satisfy (a pattern with look-ahead, say) is left to the validation that follows, which tells the host.
Where there is a value already, it keeps all of that, right or wrong, and adds the prompt in one place: the first list of
statements (criteria, steps), else a longer text (content, summary). Where there is no such place, it makes nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from ckservice.llm.providers.pattern_text import text_for
from ckservice.llm.providers.prose import Prose

_MAX_DEPTH = 32
_MAX_PARTS = 64
"""References and members of `allOf` that one schema may be made of."""

_ROOM = 10_000
"""Values, and characters of padding, in one draft: a schema can ask for more than fits in memory."""

_TEXT_CHARS = 1000
_ADDED_CHARS = 200

_FORMATS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "email": "nobody@example.com",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

_LISTS = frozenset({"acceptance", "acceptancecriteria", "criteria", "donecriteria", "steps"})
_LONG_TEXTS = frozenset({"content", "body", "summary", "objective", "description"})
_TITLES = frozenset({"title", "name", "heading"})
_CHOICES = frozenset({"status", "type"})
"""Names of members, without anything but their letters: those that are made though they are optional."""

_UNTOLD = frozenset(
    {"assignee", "author", "contact", "licence", "license", "maintainer", "owner", "reviewer", "team", "vendor"}
)
"""Names of members that hold what no prompt is."""

_TEXTS: dict[str, Callable[[Prose], str]] = {
    **dict.fromkeys(_TITLES, lambda prose: prose.title),
    **dict.fromkeys(("asa", "role", "persona"), lambda prose: prose.role),
    **dict.fromkeys(("iwant", "want", "goal"), lambda prose: prose.want),
    **dict.fromkeys(("sothat", "benefit"), lambda prose: prose.benefit),
    **dict.fromkeys(("content", "body"), lambda prose: prose.sections),
    **dict.fromkeys(("summary", "objective", "description"), lambda prose: prose.lead),
    **dict.fromkeys(_UNTOLD, lambda _: "unknown"),
    "version": lambda _: "0.1.0",
    "id": lambda prose: slug(prose.title),
}

_NOTHING: Any = object()


def draft(schema: Mapping[str, Any], text: str, current: Mapping[str, Any] | None = None) -> Any:
    """Make a value for a schema; strings without another rule hold the beginning of `text`.

    Args:
        schema: that it is to fit.
        text: what the user says.
        current: what was there before, which `text` says how to change.

    Returns:
        The value; `None` where none can be made, or where `current` has no place for the text.
    """
    try:
        made = _Draft(schema, text)
        if current is None:
            return made.make(schema, _MAX_DEPTH)
        return made.changed(schema, made.make(schema, _MAX_DEPTH, current=current))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # a reference into what is no schema, or a dialect in which the keywords mean something else


def slug(text: str) -> str:
    """A text as a name: lower case, ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:48].strip("-") or "draft"


class _Draft:
    """One draft: the schema that references point into, and how much may still be made."""

    def __init__(self, root: Mapping[str, Any], text: str) -> None:
        self._root = root
        self._text = " ".join(text.split())[:_TEXT_CHARS]
        self._prose = Prose(text)
        self._room = _ROOM

    def make(self, schema: Any, depth: int, name: str = "", current: Any = _NOTHING) -> Any:
        """A value for a schema; where there is one already that, with what objects in it lack."""
        self._room -= 1
        if not isinstance(schema, Mapping) or depth == 0 or self._room < 0:
            return None if current is _NOTHING else current
        schema = self._resolve(schema)
        if current is not _NOTHING:
            return self._completed(schema, depth, current)
        for keyword in ("const", "default"):
            if keyword in schema:
                return schema[keyword]
        if schema.get("enum"):
            return schema["enum"][0]
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                return self.make(schema[keyword][0], depth - 1, name)
        kind = _kind(schema)
        if kind is None:
            kind = "object" if "properties" in schema or "required" in schema else "null"
        make = _MAKERS.get(kind)
        return make(self, schema, depth, name) if make is not None else None

    def _completed(self, schema: Mapping[str, Any], depth: int, current: Any) -> Any:
        if isinstance(current, Mapping):
            return self.object(schema, depth, "", current)
        if isinstance(current, list) and isinstance(schema.get("items"), Mapping):
            return [self.make(schema["items"], depth - 1, "", item) for item in current]
        return current

    def changed(self, schema: Mapping[str, Any], value: Any) -> Any:
        """A value with the prompt in the one place where it does least harm; `None` where there is none."""
        properties = self._resolve(schema).get("properties", {})
        members = {_letters(name): name for name in reversed(properties)}
        for name in (members[found] for found in (*_in(_LISTS, members), *_in(_LONG_TEXTS, members))):
            added = self._added(value.get(name), self._resolve(properties[name]))
            if added is not None:
                return {**value, name: added}
        return None

    def _added(self, member: Any, rule: Mapping[str, Any]) -> Any:
        """A list of texts, or a text, with the prompt behind it; `None` where it can't stand there."""
        added, kind = self._text[:_ADDED_CHARS], _kind(rule)
        if kind == "array" and isinstance(member, list | None):
            items, most = self._resolve(rule.get("items", {})), rule.get("maxItems", _ROOM)
            is_text = items.get("type", "string") == "string" and not items.keys() & {"enum", "const", "pattern"}
            before = member or []
            fits = is_text and len(before) < most and added not in before
            return [*before, self._shortened(added, items)] if fits else None
        if kind != "string" or not isinstance(member, str | None) or rule.keys() & {"enum", "const", "pattern"}:
            return None
        text = (member or "").rstrip()
        joined = f"{text}{_joint(member)}{added}{member[len(text) :]}" if member and text else added
        return joined if len(joined) <= rule.get("maxLength", _ROOM) else None

    def _shortened(self, text: str, schema: Mapping[str, Any]) -> str:
        return text[: self._resolve(schema).get("maxLength", len(text))]

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow local references and flatten `allOf`; what comes first goes first."""
        merged: dict[str, Any] = {}
        parts: list[Any] = [schema]
        for part in parts:  # which grows on the way
            if not isinstance(part, Mapping):
                continue
            for name, value in part.items():
                if name == "properties":
                    merged[name] = {**value, **merged.get(name, {})}
                elif name == "required":
                    merged[name] = list(dict.fromkeys([*merged.get(name, ()), *value]))
                else:
                    merged.setdefault(name, value)
            reference = part.get("$ref")
            further = [self._find(reference)] if isinstance(reference, str) and reference.startswith("#") else []
            parts.extend([*further, *part.get("allOf", ())][: _MAX_PARTS - len(parts)])
        return merged

    def _find(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return found

    def object(
        self, schema: Mapping[str, Any], depth: int, _name: str, before: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        kept = {*required, *(before or ())}
        names = set(kept)
        if before is None:
            names |= {name for name, member in properties.items() if self._is_worth_making(name, member)}
        if schema.get("additionalProperties") is False:
            names &= {*required, *properties}
        before = before or {}
        value = {
            name: self.make(properties.get(name, {}), depth - 1, name, before.get(name, _NOTHING))
            for name in dict.fromkeys([*before, *required, *properties])
            if name in names
        }
        return {name: member for name, member in value.items() if name in kept or member not in (None, [], "")}

    def _is_worth_making(self, name: str, schema: Any) -> bool:
        """Whether an optional member is made: statements, longer texts, and choices whose first is the usual one."""
        letters, rule = _letters(name), self._resolve(schema)
        if letters in _CHOICES:
            return "enum" in rule
        return letters in _LISTS | _LONG_TEXTS and "pattern" not in rule and rule.get("type") in ("array", "string")

    def array(self, schema: Mapping[str, Any], depth: int, name: str) -> list[Any]:
        items = self._resolve(schema["items"]) if isinstance(schema.get("items"), Mapping) else {}
        if _letters(name) in _LISTS and items.get("type") == "string" and "enum" not in items:
            made = [self._shortened(statement, items) for statement in self._prose.statements]
        else:
            has_title = any(_letters(inner) in _TITLES for inner in items.get("properties", {}))
            made = [self.make(items, depth - 1)] if has_title or "enum" in items else []
        wanted = [part["contains"] for part in (schema, *schema.get("allOf", ())) if "contains" in part]
        for rule in wanted:
            made += [value] if (value := self.make(rule, depth - 1)) not in made else []
        made = made[-schema.get("maxItems", len(made) or 1) :]
        missing = min(schema.get("minItems", 0) - len(made), max(self._room, 0))
        return [*made, *(self.make(items, depth - 1) for _ in range(missing))]

    def string(self, schema: Mapping[str, Any], _depth: int, name: str) -> str:
        value = _FORMATS.get(schema.get("format", "")) or self._likely(name, schema)
        if "pattern" in schema and "format" not in schema:
            value = text_for(schema["pattern"], self._candidates(value, schema)) or value
        value = value[: schema.get("maxLength", len(value))]
        missing: int = min(max(schema.get("minLength", 0) - len(value), 0), max(self._room, 0))
        self._room -= missing
        return value + "." * missing

    def _likely(self, name: str, schema: Mapping[str, Any]) -> str:
        told = _TEXTS.get(_letters(name))
        examples = [text for text in schema.get("examples", ()) if isinstance(text, str) and text]
        if examples and (told is None or _letters(name) in _UNTOLD):
            return str(examples[0])
        return (told(self._prose) if told is not None else self._text) or "draft"

    def _candidates(self, value: str, schema: Mapping[str, Any]) -> list[str]:
        """Texts that people write where a pattern is, as long as they may be."""
        title = self._prose.title
        name = slug(title)
        words = name.split("-")
        camel = "".join(word.capitalize() for word in words)
        found = [value, title, name, name.upper(), name.replace("-", "_"), camel, "0.1.0", *_FORMATS.values()]
        return [text for text in found if self._is_as_long(text, schema)]

    def _is_as_long(self, text: str, schema: Mapping[str, Any]) -> bool:
        return bool(schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)))

    def number(self, schema: Mapping[str, Any], _depth: int, _name: str) -> Any:
        step = schema.get("multipleOf", 1)
        low = schema.get("minimum", schema.get("exclusiveMinimum", -step) + step)
        high = schema.get("maximum", schema.get("exclusiveMaximum", step) - step)
        value = low if "minimum" in schema or "exclusiveMinimum" in schema else min(0, high)
        return -(-value // step) * step if value % step else value


def _letters(name: str) -> str:
    """A name of a member, however it is spelled."""
    return re.sub(r"[^a-z]", "", name.lower())


def _in(names: frozenset[str], members: dict[str, str]) -> list[str]:
    """Those of some names that there are, in the order of the members."""
    return [name for name in reversed(members) if name in names]


def _kind(schema: Mapping[str, Any]) -> Any:
    """The type of values, the first of several."""
    kind = schema.get("type")
    return next(iter(kind), None) if isinstance(kind, list) else kind


def _joint(text: str) -> str:
    """What stands between a text and a sentence behind it."""
    return "\n\n" if "\n" in text else " "


_MAKERS: dict[str, Callable[[_Draft, Mapping[str, Any], int, str], Any]] = {
    "object": _Draft.object,
    "array": _Draft.array,
    "string": _Draft.string,
    "integer": _Draft.number,
    "number": _Draft.number,
    "boolean": lambda *_: False,
    "null": lambda *_: None,
}
