"""From entities to their graph."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

from ckservice.context.entities import KINDS
from ckservice.context.fields import format_path
from ckservice.context.files import Entity
from ckservice.context.graph.links import Edge, Reference, find_cycles, resolve
from ckservice.context.graph.model import DanglingLink, Graph, GraphEdge, GraphNode
from ckservice.context.snapshot import Snapshot

_KEPT_EDGES = 60_000
_SHOWN_CHARACTERS = 100


def build_graph(snapshot: Snapshot, *, focus: str | None = None, depth: int | None = None) -> Graph:
    """The graph of a repository, or of what is near one entity.

    Args:
        snapshot: of the repository.
        focus: id of the entity to begin at.
        depth: how many links to go from there; all that can be reached where left out.

    Raises:
        EntityNotFound: there is no entity to begin at.
    """
    links = resolve(snapshot)
    entities, edges, dangling = list(snapshot.entities.values()), links.edges, links.dangling
    cycles = links.cycles
    if focus is not None:
        shown = _near(snapshot.get(focus).id, edges, depth)
        entities = [entity for entity in entities if entity.id in shown]
        edges = [edge for edge in edges if edge.source in shown and edge.target in shown]
        dangling = [reference for reference in dangling if reference.source.id in shown]
        cycles = find_cycles(edges)
    return Graph.model_construct(
        nodes=[_node(entity) for entity in entities],
        edges=[_edge(edge) for edge in edges],
        dangling=[_dangling_link(reference, snapshot) for reference in dangling],
        cycles=cycles,
    )


def _near(start: str, edges: Iterable[Edge], depth: int | None) -> set[str]:
    neighbours: dict[str, list[str]] = {}
    for source, target, _ in edges:
        neighbours.setdefault(source, []).append(target)
        neighbours.setdefault(target, []).append(source)
    near = {start}
    latest = near
    while latest and depth != 0:
        latest = set(chain.from_iterable(neighbours.get(node, ()) for node in latest)) - near
        near |= latest
        depth = depth - 1 if depth is not None else None
    return near


# Thousands of models cost more to make than all the rest, and to collect as garbage again; most are the same next time.


def _node(entity: Entity) -> GraphNode:
    kept = vars(entity)
    node: GraphNode | None = kept.get("_node")
    if node is None:
        node = kept["_node"] = GraphNode(
            id=entity.id, type=entity.type, title=entity.title, status=entity.status, file=entity.path
        )
    return node


@lru_cache(_KEPT_EDGES)
def _edge(edge: Edge) -> GraphEdge:
    return GraphEdge(from_=edge.source, to=edge.target, relation=edge.relation)


def _dangling_link(reference: Reference, snapshot: Snapshot) -> DanglingLink:
    entity = reference.source
    found = snapshot.entities.get(reference.target)
    expected = " or ".join(KINDS[target].name for target in reference.link.targets)
    shown = reference.target[:_SHOWN_CHARACTERS]
    reason = (
        f'there is no entity "{shown}"; expected the id of a {expected}'
        if found is None
        else f'"{shown}" is a {KINDS[found.type].name}; expected a {expected}'
    )
    return DanglingLink(
        from_=entity.id,
        to=reference.target,
        relation=reference.link.relation,
        field=format_path(reference.path),
        file=entity.path,
        line=entity.position(reference.path)[0],
        reason=reason,
    )
