"""What texts look like: regular expressions that others wrote, and the formats of JSON Schema.

https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

from pydantic_core import SchemaError as UnknownRegex, SchemaValidator, core_schema

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Unmatchable(ValueError):
    """A pattern is no regular expression, or one that can't be matched in time linear in the text."""


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], object]:
    """What says whether a text holds a match, in time linear in its length.

    Look-aheads are understood right after a `^` at the beginning, where nearly all of them stand. Look-behind, other
    look-aheads and back-references can't be matched in linear time.

    Raises:
        Unmatchable: it is no such pattern.
    """
    conditions, rest = _leading_look_aheads(pattern)
    if not conditions:
        return _compile(pattern)
    matches = _compile(rest)
    wanted = [(_compile(f"^(?:{inner})"), is_wanted) for inner, is_wanted in conditions]
    return lambda text: matches(text) and all(bool(match(text)) is is_wanted for match, is_wanted in wanted)


def _compile(pattern: str) -> Callable[[str], object]:
    schema = core_schema.str_schema(pattern=_in_rust(pattern), regex_engine="rust-regex")
    try:
        return SchemaValidator(schema).isinstance_python
    except UnknownRegex:
        raise Unmatchable("it is no regular expression, or one with look-around or back-references") from None


def _in_rust(pattern: str) -> str:
    r"""A pattern with what means something else to Rust escaped, https://docs.rs/regex/latest/regex/#syntax.

    Inside brackets that is what would make a set of sets, and everywhere `\<` and `\>`.
    """
    parts = []
    is_in_brackets = False
    for part in _PARTS.findall(pattern):
        if part in ("\\<", "\\>"):
            parts.append(part[1])
        elif is_in_brackets and part in "[&~":
            parts.append(f"\\{part}")
        elif is_in_brackets and part == "-" and parts[-1] == "-":
            parts.append("\\-")
        else:
            parts.append(part)
            is_in_brackets = part != "]" if is_in_brackets else part == "["
    return "".join(parts)


_PARTS = re.compile(r"\\.|.", re.DOTALL)
"""The characters of a pattern, escapes whole."""


def _leading_look_aheads(pattern: str) -> tuple[list[tuple[str, bool]], str]:
    """The look-aheads right after a `^` at the beginning, each with whether it is to match, and the pattern without."""
    found: list[tuple[str, bool]] = []
    rest = pattern
    while rest.startswith(("^(?=", "^(?!")):
        end = _closing(rest, 1)
        if end == len(rest):
            break  # it is never closed: that it is no regular expression is said elsewhere
        found.append((rest[4:end], rest[3] == "="))
        rest = f"^{rest[end + 1 :]}"
    return found, rest


def _closing(pattern: str, start: int) -> int:
    """Where the group that starts at an offset ends; the length of the pattern where it does not."""
    depth, is_in_brackets = 0, False
    for part in _PARTS.finditer(pattern, start):
        character = part.group()
        if is_in_brackets:
            is_in_brackets = character != "]"
        elif character == "[":
            is_in_brackets = True
        else:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0:
                return part.start()
    return len(pattern)


def is_date(text: str) -> bool:
    """Whether a text is a day in ISO 8601, as `2025-12-31`."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_date_time(text: str) -> bool:
    return is_date(text[:10]) and text[10:11] in ("T", "t", " ") and _TIME.fullmatch(text[11:]) is not None


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": _is_date_time,
    "uri": lambda text: _URI.fullmatch(text) is not None,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
}
"""The formats of JSON Schema that are checked; the others are notes for people."""
