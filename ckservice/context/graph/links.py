"""The links between the entities of a repository."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ckservice.context.entities import KINDS, Link
from ckservice.context.fields import find, parse_path
from ckservice.context.files import Entity
from ckservice.context.graph.cycles import cycles
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType, Relation
from ckservice.context.yaml.reading import FieldPath


class Edge(NamedTuple):
    """A link from one entity to another, by their ids."""

    source: str
    target: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Reference:
    """One place in an entity that names another one.

    Attributes:
        source: the entity whose field it is.
        path: of the value.
        target: the id in it.
        edge: the link that it states, if there is such an entity.
    """

    source: Entity
    link: Link
    path: FieldPath
    target: str
    edge: Edge


@dataclass(frozen=True)
class Links:
    """What the references of a repository lead to.

    Attributes:
        edges: each once, in the order in which they are stated.
        dangling: references that lead nowhere, or to an entity of a type that they can't name.
    """

    edges: list[Edge]
    dangling: list[Reference]

    @cached_property
    def cycles(self) -> list[list[str]]:
        """The cycles that the edges make."""
        return find_cycles(self.edges)


_FIELDS: dict[EntityType, tuple[tuple[Link, FieldPath], ...]] = {
    kind.type: tuple((link, parse_path(link.field)) for link in kind.links) for kind in KINDS.values()
}

_ACYCLIC: frozenset[Relation] = frozenset(("depends-on", "requires", "uses"))
"""The relations over which a cycle is a mistake."""

_TO_FEATURES: dict[EntityType, Relation] = {
    target: link.relation for link in KINDS["feature"].links if link.inverse is not None for target in link.targets
}
"""For each type that a feature lists, the relation that its list stands for."""


def resolve(snapshot: Snapshot) -> Links:
    """Follow every reference in a repository.

    The two directions of one link are one edge: that of the feature where both sides state it. A reference to an id
    that stands in an unreadable file most likely is no edge, and is not dangling either. Of entities with the same id
    only the first counts.
    """
    # Kept with the snapshot, which is the same one until something changes.
    kept = vars(snapshot)
    links: Links | None = kept.get("_links")
    if links is None:
        links = kept["_links"] = _resolve(snapshot)
    return links


def find_cycles(edges: Iterable[Edge]) -> list[list[str]]:
    """The cycles over depends-on, requires and uses; see `cycles`."""
    successors: dict[str, list[str]] = {}
    for source, target, relation in edges:
        if relation in _ACYCLIC:
            successors.setdefault(source, []).append(target)
    return cycles(successors)


def _resolve(snapshot: Snapshot) -> Links:
    entities = snapshot.entities
    stated: dict[Edge, None] = {}
    dangling = []
    for entity in entities.values():
        for reference in references(entity):
            target = entities.get(reference.target)
            if target is not None and target.type in reference.link.targets:
                stated[reference.edge] = None
            elif target is not None or reference.target not in snapshot.unreadable_ids:
                dangling.append(reference)

    said_twice = {
        edge
        for edge in stated
        if edge.relation == "belongs-to"
        and Edge(edge.target, edge.source, _TO_FEATURES[entities[edge.source].type]) in stated
    }
    return Links([edge for edge in stated if edge not in said_twice], dangling)


def references(entity: Entity) -> tuple[Reference, ...]:
    """Every reference in an entity, in the order of its type's links."""
    # Kept with the entity, as a cached property is: entities stay while their files do not change.
    kept = vars(entity)
    found: tuple[Reference, ...] | None = kept.get("_references")
    if found is None:
        found = kept["_references"] = tuple(_references(entity))
    return found


def _references(entity: Entity) -> Iterator[Reference]:
    for link, path in _FIELDS[entity.type]:
        value = find(entity.data, path)
        values: list[tuple[FieldPath, Any]]
        if isinstance(value, str):
            values = [(path, value)]
        elif isinstance(value, list):
            values = [((*path, place), item) for place, item in enumerate(value)]
        else:
            continue
        for place, text in values:
            if isinstance(text, str) and text:
                target = link.target_id(text)
                ends = (target, entity.id) if link.is_reversed else (entity.id, target)
                yield Reference(entity, link, place, target, Edge(*ends, link.relation))
