"""What links say: an entity is worth more where those that are linked to it were found, too.

It is one step of a random walk from the best hits: each gives a share of its score to its neighbours, in equal parts, and
those that everything links to take less of theirs. A second step adds nothing.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_SHARE = 0.4
_MOST_NEIGHBOURS = 100
"""Of one hit: a part of a larger crowd would be too small to matter."""

_USUAL_LINKS = 10
"""Of an entity: one with more links is found by way of any of them, which says as much less of it."""

_LINKED = "SELECT target AS other FROM link WHERE source = ?1 UNION SELECT source FROM link WHERE target = ?1"
_NEIGHBOURS = f"""
SELECT other FROM ({_LINKED})
WHERE other != ?1 AND EXISTS (SELECT 1 FROM chunk WHERE chunk.entity_id = other COLLATE NOCASE)
LIMIT {_MOST_NEIGHBOURS + 1}
"""  # noqa: S608 - fixed text and a number
_COUNT = f"SELECT count(*) FROM ({_LINKED} LIMIT 1000)"  # noqa: S608 - fixed text

Shares = Mapping[str, Mapping[str, float]]
"""By entity: what part of the score of each hit it gets."""


def shares(connection: "sqlite3.Connection", hits: Collection[str]) -> Shares:
    """Who gets how much of the score of some entities."""
    found: dict[str, dict[str, float]] = {}
    for hit in hits:
        neighbours = [other for (other,) in connection.execute(_NEIGHBOURS, (hit,))]
        if len(neighbours) <= _MOST_NEIGHBOURS:
            for other in neighbours:
                found.setdefault(other, {})[hit] = _SHARE / len(neighbours)
    return {entity: _dampened(connection, entity, parts) for entity, parts in found.items()}


def raised(scores: Mapping[str, float], given: Shares) -> dict[str, float]:
    """Scores with what others give; entities that had none come in."""
    higher = dict(scores)
    for entity, parts in given.items():
        higher[entity] = scores.get(entity, 0.0) + sum(part * scores.get(hit, 0.0) for hit, part in parts.items())
    return higher


def relevant(own: Mapping[str, float], given: Shares) -> dict[str, float]:
    """How relevant entities are with what others give: each makes what is missing to 1 smaller by its share."""
    higher = dict(own)
    for entity, parts in given.items():
        missing = 1 - min(own.get(entity, 0.0), 1.0)
        most = max(own.get(entity, 0.0), *(own.get(hit, 0.0) for hit in parts))
        for hit, part in parts.items():
            missing *= 1 - part * min(own.get(hit, 0.0), 1.0)
        higher[entity] = max(own.get(entity, 0.0), min(1 - missing, most))
    return higher


def _dampened(connection: "sqlite3.Connection", entity: str, parts: Mapping[str, float]) -> Mapping[str, float]:
    (links,) = connection.execute(_COUNT, (entity,)).fetchone()
    if links <= _USUAL_LINKS:
        return parts
    return {hit: part * _USUAL_LINKS / links for hit, part in parts.items()}
