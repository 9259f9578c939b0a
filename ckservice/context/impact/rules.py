"""The rules of `.context/rules/consistency.rules.yaml`: what must be looked at again when something changes.

    rules:
      - id: blocked-task
        description: of the rule, which is its reason where it gives none
        severity: error (or warning, where left out, or info)
        when:
          entity: task (a type, or a list of types)
          fieldChanged: related.spec (a field, or a list of fields; any where left out, or "*")
          newValue: what the field holds now, or its list has gained; of a list of values any
        then:
          markRelated:
            types: [feature] (any where left out)
            rel: belongs-to (a relation, or a field that holds links; any, or the same feature, where left out)
            status: needs-review
            reason: A task is blocked

What can't be applied as it is written is said with its line, and left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, get_args

from ckservice.context.entities import KINDS
from ckservice.context.fields import format_path, is_path, parse_path
from ckservice.context.finding import Finding, FindingKind, FindingSeverity
from ckservice.context.impact.reach import can_reach
from ckservice.context.paths import read_text
from ckservice.context.types import ENTITY_TYPES, EntityType
from ckservice.context.yaml.reading import FieldPath, Positions, read
from ckservice.errors import PathForbidden

RULES = ".context/rules/consistency.rules.yaml"

_SEVERITIES: tuple[FindingSeverity, ...] = get_args(FindingSeverity)
_RELATIONS = sorted({name for kind in KINDS.values() for link in kind.links for name in (link.relation, link.field)})


@dataclass(frozen=True, slots=True)
class Rule:
    """What must be looked at again when something changes.

    Attributes:
        entities: the types whose changes count.
        fields: of those, one of which must have changed; none where any change counts.
        new_values: one of which the field must hold now, or its list must have gained; none where that does not matter.
        types: of those that must be looked at again.
        relation: how they must be linked, as a relation or the name of a link field; `None` where that does not matter.
        status: that they should have then.
        reason: for people.
    """

    id: str
    severity: FindingSeverity
    entities: tuple[EntityType, ...]
    fields: tuple[FieldPath, ...]
    new_values: tuple[Any, ...]
    types: tuple[EntityType, ...]
    relation: str | None
    status: str | None
    reason: str


def _built_in(
    rule_id: str,
    entity: EntityType,
    fields: str,
    types: str,
    reason: str,
    *,
    severity: FindingSeverity = "warning",
    new_value: str | None = None,
    relation: str | None = None,
) -> Rule:
    paths = tuple(map(parse_path, fields.split()))
    related = tuple(name for name in ENTITY_TYPES if name in types.split())
    new_values = () if new_value is None else (new_value,)
    return Rule(rule_id, severity, (entity,), paths, new_values, related, relation, "needs-review", reason)


BUILT_IN_RULES = (
    _built_in("story-criteria", "userstory", "acceptanceCriteria", "task spec", "Acceptance criteria changed"),
    _built_in(
        "feature-scope",
        "feature",
        "title status prompts requires produces",
        "userstory spec task service package",
        "The feature changed",
    ),
    _built_in(
        "service-api",
        "service",
        "api.version api.spec",
        "service package",
        "The API of a service changed",
        severity="error",
        relation="consumers",
    ),
    _built_in(
        "spec-content", "spec", "content", "task", "The spec that the task implements changed", relation="implements"
    ),
    _built_in("task-blocked", "task", "status", "feature", "A task is blocked", severity="error", new_value="blocked"),
    _built_in(
        "package-dependencies",
        "package",
        "dependencies",
        "service package",
        "The dependencies of a package changed",
        severity="info",
        relation="dependencies",
    ),
)
"""In force where a repository has no rules of its own."""


def read_rules(root: Path) -> tuple[tuple[Rule, ...], tuple[Finding, ...]]:
    """The rules in force in a repository, and what is wrong with its own.

    The built-in ones are in force where there is no file, or one that can't be read.
    """
    try:
        text = read_text(root, RULES)
    except PathForbidden as error:
        return BUILT_IN_RULES, (_finding("yaml", error.message, (1, 1), "error"),)
    if text is None:
        return BUILT_IN_RULES, ()
    reading = read(text)
    broken = [
        _finding("yaml", f"The file {problem.message}", (problem.line, problem.column), "error")
        for problem in reading.problems
    ]
    document = reading.documents[0] if reading.documents else None
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list):
        if not broken:
            broken.append(
                _finding("schema", "The file holds no list `rules`; the built-in rules are in force", (1, 1), "error")
            )
        return BUILT_IN_RULES, tuple(broken)
    reader = _RuleReader(Positions(text))
    rules = reader.read_all(document["rules"])
    return rules, (*broken, *reader.findings)


def _finding(kind: FindingKind, message: str, position: tuple[int, int], severity: FindingSeverity) -> Finding:
    line, column = position
    return Finding(kind=kind, file=RULES, line=line, column=column, message=message, severity=severity)


class _WrongRule(Exception):
    """A rule can't be applied."""


class _RuleReader:
    """Rules from their data, and what is wrong with it."""

    def __init__(self, positions: Positions) -> None:
        self.findings: list[Finding] = []
        self._positions = positions

    def read_all(self, items: list[Any]) -> tuple[Rule, ...]:
        rules: dict[str, Rule] = {}
        for place, item in enumerate(items):
            path = ("rules", place)
            try:
                rule = self._read(item, path)
                if rule.id in rules:
                    self._refuse(f'the id "{rule.id}" is that of an earlier rule', (*path, "id"))
            except _WrongRule:
                continue
            rules[rule.id] = rule
        return tuple(rules.values())

    def _read(self, item: Any, path: FieldPath) -> Rule:
        whole = self._mapping(item, path, ("id", "description", "severity", "when", "then"), lenient=True)
        rule_id = whole.get("id")
        if not isinstance(rule_id, str) or not rule_id:
            self._refuse("the rule has no text as its `id`", path)
        when_path, mark_path = (*path, "when"), (*path, "then", "markRelated")
        when = self._mapping(whole.get("when"), when_path, ("entity", "fieldChanged", "newValue"))
        then = self._mapping(whole.get("then"), mark_path[:-1], ("markRelated",), lenient=True)
        mark = self._mapping(then.get("markRelated"), mark_path, ("types", "rel", "status", "reason"))
        entities = self._types(when.get("entity"), (*when_path, "entity"))
        types = self._types(mark.get("types"), (*mark_path, "types")) if "types" in mark else ENTITY_TYPES
        relation = self._relation(mark.get("rel"), (*mark_path, "rel"))
        if not can_reach(entities, types, relation):
            by = f" by `{relation}`" if relation is not None else ""
            self._refuse(f"no {' or '.join(entities)} is ever linked{by} to a {' or '.join(types)}", mark_path)
        return Rule(
            rule_id,
            self._choice(whole.get("severity", "warning"), (*path, "severity")),
            entities,
            self._fields(when.get("fieldChanged"), entities, (*when_path, "fieldChanged")),
            self._new_values(when.get("newValue"), (*when_path, "newValue")),
            types,
            relation,
            self._text(mark.get("status"), (*mark_path, "status")),
            self._text(mark.get("reason"), (*mark_path, "reason"))
            or self._text(whole.get("description"), (*path, "description"))
            or f"Rule {rule_id}",
        )

    def _mapping(self, value: Any, path: FieldPath, names: tuple[str, ...], *, lenient: bool = False) -> dict[str, Any]:
        """A mapping with no other keys. Where others do no harm, they are complained about and passed over."""
        if not isinstance(value, dict):
            name = path[-1] if isinstance(path[-1], str) else format_path(path)
            self._refuse(f"`{name}` is {_show(value)}; expected a mapping with {', '.join(names)}", path)
        for name in value:
            if name not in names:
                message = f"has the key `{name[:100]}`, which means nothing here; expected one of {', '.join(names)}"
                if not lenient:
                    self._refuse(message, (*path, name), key=True)
                self._say(message, (*path, name), "warning", key=True)
        return value

    def _types(self, value: Any, path: FieldPath) -> tuple[EntityType, ...]:
        names = self._texts(value, path)
        for name in names:
            if name not in ENTITY_TYPES:
                self._refuse(f'names the type "{name[:100]}"; expected one of {", ".join(ENTITY_TYPES)}', path)
        if not names:
            self._refuse(f"names no type; expected one of {', '.join(ENTITY_TYPES)}", path)
        return tuple(entity_type for entity_type in ENTITY_TYPES if entity_type in names)

    def _texts(self, value: Any, path: FieldPath) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        for item in items:
            if not isinstance(item, str) or not parse_path(item):
                found = f"holds {_show(item)}" if isinstance(value, list) else f"is {_show(item)}"
                self._refuse(f"`{path[-1]}` {found}; expected a name or a list of names", path)
        return tuple(items)

    def _fields(self, value: Any, entities: Iterable[EntityType], path: FieldPath) -> tuple[FieldPath, ...]:
        names = self._texts([] if value is None else value, path)
        for name in names:
            if name != "*" and not is_path(name):
                self._refuse(f'`fieldChanged` is "{name[:100]}"; expected a field such as related.features[0]', path)
            if name != "*":
                self._check_field(name, entities, path)
        return () if "*" in names else tuple(map(parse_path, names))

    def _new_values(self, value: Any, path: FieldPath) -> tuple[Any, ...]:
        if value is None:
            return ()
        values = tuple(value) if isinstance(value, list) else (value,)
        if not values or None in values:
            found = "holds nothing" if None in values else "is an empty list"
            self._refuse(f"`newValue` {found}, which no field ever does; expected a value or a list of values", path)
        return values

    def _text(self, value: Any, path: FieldPath) -> str | None:
        if value is not None and not isinstance(value, str):
            self._refuse(f"`{path[-1]}` is {_show(value)}; expected text", path)
        return value or None

    def _choice(self, value: Any, path: FieldPath) -> FindingSeverity:
        found = next((severity for severity in _SEVERITIES if severity == value), None)
        if found is None:
            self._refuse(f"severity is {_show(value)}; expected one of {', '.join(_SEVERITIES)}", path)
        return found

    def _relation(self, value: Any, path: FieldPath) -> str | None:
        name = self._text(value, path)
        if name is not None and name not in _RELATIONS:
            self._refuse(f'`rel` is "{name[:100]}"; expected one of {", ".join(_RELATIONS)}', path)
        return name

    def _check_field(self, name: str, entities: Iterable[EntityType], path: FieldPath) -> None:
        """Complain about a field that is most likely misspelt. People have fields of their own, so that others count."""
        from difflib import get_close_matches  # noqa: PLC0415 - rules are read when they are needed

        first = parse_path(name)[0]
        known = {field.alias or own for kind in entities for own, field in KINDS[kind].model.model_fields.items()}
        near = get_close_matches(str(first), sorted(known), 1, 0.8) if first not in known else []
        if near:
            self._say(f'the field "{name[:100]}" is in no schema; is "{near[0]}" meant?', path, "warning")

    def _refuse(self, message: str, path: FieldPath, *, key: bool = False) -> NoReturn:
        self._say(f"{message}; the rule is not applied", path, "error", key=key)
        raise _WrongRule

    def _say(self, message: str, path: FieldPath, severity: FindingSeverity, *, key: bool = False) -> None:
        self.findings.append(_finding("schema", message, self._positions.of(path, key=key), severity))


def _show(value: Any) -> str:
    match value:
        case None:
            return "missing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return f'"{str(value)[:100]}"'
