"""A repository seen as a whole."""

from collections import Counter

from ckservice.context.checkup import check_up
from ckservice.context.git.model import GitState
from ckservice.context.graph.building import build_graph
from ckservice.context.graph.links import resolve
from ckservice.context.inspection.gaps import find_gaps
from ckservice.context.inspection.model import Inspection, Overview, TypeCount
from ckservice.context.inspection.recommendations import recommend
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import ENTITY_TYPES, EntityType


def inspect(snapshot: Snapshot, *, git: GitState, today: str) -> Inspection:
    """Look at a repository as a whole.

    Args:
        snapshot: of the repository.
        git: how it stands with Git.
        today: in ISO 8601, for exceptions that expire and reviews that are due.
    """
    report = check_up(snapshot, today=today)
    graph = build_graph(snapshot)
    links = resolve(snapshot)
    gaps = find_gaps(snapshot, links, today=today)
    return Inspection(
        overview=Overview(
            entities=len(snapshot.entities),
            types=_count(snapshot),
            errors=report.stats.errors,
            warnings=report.stats.warnings,
            git=git,
        ),
        entities=graph.nodes,
        relationships=graph.edges,
        gaps=gaps,
        recommendations=recommend(snapshot, links, report, gaps),
    )


def _count(snapshot: Snapshot) -> dict[EntityType, TypeCount]:
    statuses: dict[EntityType, Counter[str]] = {entity_type: Counter() for entity_type in ENTITY_TYPES}
    totals: Counter[EntityType] = Counter()
    for entity in snapshot.entities.values():
        totals[entity.type] += 1
        if entity.status is not None:
            statuses[entity.type][entity.status] += 1
    return {
        entity_type: TypeCount(total=totals[entity_type], by_status=dict(sorted(counts.items())))
        for entity_type, counts in statuses.items()
    }
