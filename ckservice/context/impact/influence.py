"""Who is impacted by whose changes: what a link means in either direction.

A feature and what belongs to it impact each other, and so do a feature or story and the services and packages it names.
What depends on something, uses or implements it is impacted by its changes, and does not impact it in turn.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ckservice.context.fields import format_path
from ckservice.context.files import Entity
from ckservice.context.graph.links import Edge, references
from ckservice.context.impact.comparison import Change
from ckservice.context.impact.model import ImpactedEntity
from ckservice.context.types import EntityType, Relation

PARTS: frozenset[Relation] = frozenset({"has-story", "has-spec", "has-task"})
"""What a feature says of its parts, and the parts say with `belongs-to`."""

_MEANINGS: dict[Relation, tuple[str, str | None]] = {
    "implements": ("implements", None),
    "depends-on": ("depends on", None),
    "uses": ("uses", None),
    "modifies": ("modifies", "is modified by"),
    "impacts": ("impacts", "is impacted by"),
    "requires": ("requires", "is required by"),
    "produces": ("produces", "is produced by"),
    "relates-to": ("relates to", "is named by"),
    "belongs-to": ("belongs to", "has"),
}
"""How a link reads from its source, and from its target where that is impacted too; the first that fits is told."""

_NAMED_FIELDS = 3


class Influence:
    """The links of a repository, then and now: a link that was removed still tells who is impacted.

    Args:
        entities: of both sides, those that are there now first.
    """

    def __init__(self, entities: Iterable[Entity]) -> None:
        all_of_them = list(entities)
        self.types: dict[str, EntityType] = {entity.id: entity.type for entity in reversed(all_of_them)}
        stated = {
            _normal(reference.edge)
            for entity in all_of_them
            for reference in references(entity)
            if self.types.get(reference.target) in reference.link.targets
        }
        order = list(_MEANINGS)
        self._edges = sorted(stated, key=lambda edge: (order.index(edge.relation), edge.source, edge.target))

    @cached_property
    def edges(self) -> Mapping[str, Sequence[Edge]]:
        """The links at each entity; those of features to their parts are `belongs-to`."""
        found: dict[str, list[Edge]] = defaultdict(list)
        for edge in self._edges:
            found[edge.source].append(edge)
            found[edge.target].append(edge)
        return found

    @cached_property
    def impacted(self) -> Mapping[str, Mapping[str, str]]:
        """For each entity those that its changes impact, by id, each with how it is linked, as a verb."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for edge in self._edges:
            of_source, of_target = _MEANINGS[edge.relation]
            found[edge.target].setdefault(edge.source, of_source)
            if of_target is not None:
                found[edge.source].setdefault(edge.target, of_target)
        return {entity_id: dict(sorted(others.items())) for entity_id, others in found.items()}


def spread(
    changes: Sequence[Change], influence: Influence, existing: Mapping[str, object], depth: int
) -> list[ImpactedEntity]:
    """Those that changes impact, over at most `depth` links, by distance and id; each on a shortest way."""
    told = {change.id: _tell(change) for change in reversed(changes) if change.is_meant}
    ways: dict[str, list[str]] = {entity_id: [] for entity_id in sorted(told)}
    impacted = []
    frontier = list(ways)
    for distance in range(1, depth + 1):
        reached: dict[str, str] = {}
        for nearer in frontier:
            for entity_id, verb in influence.impacted.get(nearer, {}).items():
                if entity_id not in ways and entity_id not in reached and entity_id in existing:
                    reached[entity_id] = verb
                    ways[entity_id] = [*ways[nearer], nearer]
        for entity_id in sorted(reached):
            via = ways[entity_id]
            why = told[via[0]] if distance == 1 else f"is impacted by {via[0]}"
            reason = f"{entity_id} {reached[entity_id]} {via[-1]}, which {why}"
            impacted.append(ImpactedEntity(id=entity_id, distance=distance, via=via, reason=reason))
        frontier = sorted(reached, key=lambda entity_id: [*ways[entity_id], entity_id])
    return impacted


def name_fields(paths: Iterable[str]) -> str:
    """Some fields by name, and the number of the others."""
    names = list(dict.fromkeys(paths))
    more = len(names) - _NAMED_FIELDS
    shown = ", ".join(names[:_NAMED_FIELDS])
    return f"{shown} and {more} more" if more > 0 else shown


def _normal(edge: Edge) -> Edge:
    return Edge(edge.target, edge.source, "belongs-to") if edge.relation in PARTS else edge


def _tell(change: Change) -> str:
    fields = name_fields(format_path(difference.path) for difference in change.differences if difference.path)
    if fields:
        return f"changed ({fields})"
    if change.differences:
        return "was added" if change.before is None else "was removed"
    return "is taken as changed"
