"""What has to be looked at again, as the rules have it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ckservice.context.entities import KINDS, Link
from ckservice.context.fields import format_path
from ckservice.context.graph.links import Edge
from ckservice.context.impact.comparison import Change
from ckservice.context.impact.differences import frozen
from ckservice.context.impact.influence import PARTS, Influence, name_fields
from ckservice.context.impact.model import StaleEntity
from ckservice.context.impact.rules import Rule
from ckservice.context.types import EntityType, Relation
from ckservice.context.yaml.reading import FieldPath

_LINKED = frozenset(
    pair
    for kind in KINDS.values()
    for link in kind.links
    for target in link.targets
    for pair in ((kind.type, target), (target, kind.type))
)
"""The pairs of types that can be linked directly."""


def apply(
    rules: Iterable[Rule], changes: Sequence[Change], influence: Influence, existing: Mapping[str, object]
) -> list[StaleEntity]:
    """What rules make of changes, by id and in the order of the rules; each entity once for each rule."""
    found: list[StaleEntity] = []
    for rule in rules:
        causes: dict[str, list[str]] = {}
        for change in changes:
            fields = _touched(rule, change)
            if fields is not None:
                cause = f"{change.id}: {name_fields(fields)}" if fields else change.id
                for entity_id in _related(rule, change, influence) & existing.keys() - {change.id}:
                    causes.setdefault(entity_id, []).append(cause)
        found += (
            StaleEntity(
                id=entity_id,
                rule_id=rule.id,
                severity=rule.severity,
                status=rule.status,
                reason=f"{rule.reason.rstrip('.')} ({'; '.join(causes[entity_id][:5])})",
            )
            for entity_id in causes
        )
    return sorted(found, key=lambda stale: stale.id)


# What has changed


def _touched(rule: Rule, change: Change) -> list[str] | None:
    """The fields that a rule is about and that have changed; `None` where the rule does not apply."""
    if change.type not in rule.entities or not change.is_meant:
        return None
    if rule.fields:
        return [path for field in rule.fields for path in _changed_paths(field, rule.new_values, change)] or None
    if rule.new_values and not any(_is_equal(one, value) for one in rule.new_values for value in _new_values(change)):
        return None
    return [format_path(difference.path) for difference in change.differences if difference.path]


def _changed_paths(field: FieldPath, new_values: Sequence[Any], change: Change) -> Iterator[str]:
    """Where a field, or something in it, has changed."""
    before, after = _values(change.was, field), _values(change.now, field)
    if frozen(before) == frozen(after) and not change.has_fields:
        return
    if new_values and not any(_count(value, after) > _count(value, before) for value in new_values):
        return
    if not change.has_fields:  # all of the entity is new, gone or taken as changed
        yield format_path(field)
    for path in (difference.path for difference in change.differences if difference.path):
        rest = _rest(path, field)
        if rest == 0:
            yield format_path(path)
        elif rest is not None and frozen(before) != frozen(after):
            yield format_path(field)


def _rest(path: FieldPath, field: FieldPath) -> int | None:
    """How many parts of a field are left where a path ends: 0 where it leads to the field or into it.

    `None` where they part. Indexes that the field does not name may be any.
    """
    rest = list(field)
    for part in path:
        if not rest:
            return 0
        if part == rest[0]:
            rest.pop(0)
        elif not isinstance(part, int) or isinstance(rest[0], int):
            return None
    return len(rest)


def _new_values(change: Change) -> Iterable[Any]:
    if change.has_fields:
        return [difference.after for difference in change.differences]
    return (change.now or {}).values()


def _values(data: Mapping[str, Any] | None, field: FieldPath) -> list[Any]:
    """What stands at a path; where it leads through a list without an index, in each of its items."""
    values: list[Any] = [data]
    for part in field:
        if isinstance(part, str):
            values = [inner for value in values for inner in (value if isinstance(value, list) else [value])]
            values = [value.get(part) for value in values if isinstance(value, dict)]
        else:
            values = [value[part] for value in values if isinstance(value, list) and part < len(value)]
    return [value for value in values if value is not None]


def _count(wanted: Any, values: list[Any]) -> int:
    """How often a value stands at a path: as the whole of a field, or among the items of its list."""
    items = [item for value in values for item in ([value, *value] if isinstance(value, list) else [value])]
    return sum(_is_equal(wanted, item) for item in items)


def _is_equal(one: Any, other: Any) -> bool:
    return frozen(one) == frozen(other)


# Who is related


def _related(rule: Rule, change: Change, influence: Influence) -> set[str]:
    edges = influence.edges.get(change.id, ())
    if rule.relation is not None:
        found = {_other(edge, change.id) for edge in edges if _is_meant(rule.relation, edge, change, influence.types)}
    else:
        found = {_other(edge, change.id) for edge in edges}
        features = [entity_id for entity_id in found if influence.types.get(entity_id) == "feature"]
        found |= {
            other
            for feature in features
            for edge in influence.edges[feature]
            if (change.type, influence.types.get(other := _other(edge, feature))) not in _LINKED
        }
    return {entity_id for entity_id in found if influence.types.get(entity_id) in rule.types}


def _other(edge: Edge, entity_id: str) -> str:
    return edge.target if edge.source == entity_id else edge.source


def _is_meant(name: str, edge: Edge, change: Change, types: Mapping[str, EntityType]) -> bool:
    """Whether a link is what a rule calls by a relation, or by the field that states it, here or on the other side."""
    is_own = any(link.field == name for link in KINDS[change.type].links)
    for kind in KINDS.values():
        for link in kind.links:
            owner = edge.target if link.is_reversed or link.relation in PARTS else edge.source
            states_it = edge.relation in _relations(link, name) and types.get(owner) == kind.type
            if states_it and types.get(_other(edge, owner)) in link.targets and (not is_own or owner == change.id):
                return True
    return False


def _relations(link: Link, name: str) -> tuple[Relation, ...]:
    """The relations of the links that a field, or relation, of this name stands for."""
    if name not in (link.field, link.relation):
        return ()
    if link.relation in PARTS:
        return ("belongs-to",)
    # Who depends on a service consumes it, and says so from its own side.
    return ("uses", "depends-on") if name == "consumers" else (link.relation,)
