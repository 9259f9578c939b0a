"""From a question to sources: ids first, then what words and meaning find, raised by links."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from ckservice.retrieval.ranking import lexical, vectors
from ckservice.retrieval.ranking.excerpts import Excerpt, excerpt
from ckservice.retrieval.ranking.filters import Filter, normal_prefix
from ckservice.retrieval.ranking.fusion import from_least, from_zero, fused
from ckservice.retrieval.ranking.kinds import Kinds
from ckservice.retrieval.ranking.neighbours import raised, relevant, shares
from ckservice.retrieval.ranking.query import candidate_ids, words
from ckservice.retrieval.ranking.scores import alike, below_one, covered, falling, relevances
from ckservice.retrieval.ranking.vectors import Signs, Vector
from ckservice.retrieval.types import MatchedBy, SearchMode, SourceType
from ckservice.store.database import snapshot

if TYPE_CHECKING:
    import sqlite3


_HITS = 10
"""Whose links are followed."""

_LEAST = 0.05
"""Relevance of what is worth showing."""

_TELLING = 0.2
"""Relevance of hits whose links are followed, and by meaning of what is said to be found by it and not only by words."""

_MOST_PINNED = 8
_MOST_SHOWN = 3
"""Chunks of an entity, among which the one is that is shown."""

_MOST_NEWCOMERS = 500
"""Of what the hits are linked to, without being found itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked.

    Attributes:
        top_k: sources that are wanted, from 1.
        entity_types: of the sources; `None` for all.
        path_prefix: what their paths begin with.
        mode: `auto` is hybrid with a vector, and lexical without one.
        min_score: least relevance.
        vector: of the text; without it every mode is lexical.
        pins_ids: entities that the text names by id come first.
        without: an entity that is not wanted.
    """

    text: str
    top_k: int = 5
    entity_types: Collection[str] | None = None
    path_prefix: str = ""
    mode: Literal["auto", "lexical", "semantic", "hybrid"] = "auto"
    min_score: float = 0.0
    vector: Vector | None = None
    pins_ids: bool = True
    without: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An entity that was found, by its best chunk; the lines are those of the chunk."""

    entity_id: str
    entity_type: SourceType
    title: str
    path: str
    first_line: int
    last_line: int
    relevance: float
    excerpt: Excerpt
    body: str
    matched_by: tuple[MatchedBy, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """Sources, the most relevant first, and how they were looked for."""

    sources: tuple[Source, ...]
    mode: SearchMode


class _Found(NamedTuple):
    """Chunks by number: their scores, which order them, and how relevant they are; both from 0 to 1."""

    mode: SearchMode
    scores: Mapping[int, float]
    relevances: Mapping[int, float]
    by_words: Collection[int]
    by_meaning: Collection[int]


@dataclass(slots=True)
class _Ranked:
    """Entities by id; their chunks with the best one first."""

    chunks: dict[str, list[int]]
    relevances: dict[str, float]
    matched_by: dict[str, list[MatchedBy]] = field(default_factory=dict)


def search(connection: "sqlite3.Connection", query: Query, signs: Signs) -> Results:
    """The sources for a question. Any text is a question; one that says nothing has none.

    Args:
        connection: to the index; everything is read as it is at one moment.
        query: what is asked.
        signs: of the vectors of this index, which are kept from one search to the next.
    """
    within = Filter(query.entity_types, normal_prefix(query.path_prefix))
    with snapshot(connection):
        found = _find(connection, query, within, signs)
        ranked = _rank(connection, found, within, Kinds(query.text))
        pinned = _pinned(connection, query.text, within) if query.pins_ids else {}
        for entity, chunk in pinned.items():
            ranked.chunks.setdefault(entity, [chunk])
            ranked.matched_by.setdefault(entity, []).insert(0, "id")
        others = (
            (entity, relevance)
            for entity, relevance in ranked.relevances.items()
            if entity not in pinned and relevance >= max(_LEAST, query.min_score)
        )
        wanted = [pair for pair in (*((entity, 1.0) for entity in pinned), *others) if pair[0] != query.without]
        return Results(tuple(_sources(connection, query.text, wanted[: query.top_k], ranked)), found.mode)


def _find(connection: "sqlite3.Connection", query: Query, within: Filter, signs: Signs) -> _Found:
    wants_words = query.mode != "semantic" or query.vector is None
    by_words = lexical.rank(connection, query.text, within) if wants_words else lexical.Ranking({}, 1.0)
    cosines: dict[int, float] = {}
    if query.vector is not None and query.mode != "lexical":
        cosines = vectors.cosines(connection, query.vector, within, signs, found=by_words.scores, wanted=query.top_k)
    said, meant = covered(by_words), alike(cosines)
    telling = [chunk for chunk, value in meant.items() if value >= _TELLING or chunk not in said]
    if not cosines:
        return _Found("lexical" if wants_words else "semantic", from_zero(by_words.scores), said, said, ())
    if not wants_words:
        return _Found("semantic", from_least(cosines), meant, (), telling)
    scores = fused(from_zero(by_words.scores), from_least(cosines))
    return _Found("hybrid", scores, relevances(said, meant), said, telling)


def _rank(connection: "sqlite3.Connection", found: _Found, within: Filter, kinds: Kinds) -> _Ranked:
    entities, worth = _entities(connection, found.scores, kinds)
    chunks: dict[str, list[int]] = {}
    for chunk in sorted(found.scores, key=lambda chunk: (-found.scores[chunk] * worth[chunk], chunk)):
        chunks.setdefault(entities[chunk], []).append(chunk)
    scores = {entity: found.scores[best] * worth[best] for entity, (best, *_) in chunks.items()}
    own = {entity: found.relevances[best] * worth[best] for entity, (best, *_) in chunks.items()}
    given = shares(connection, [entity for entity in list(scores)[:_HITS] if own[entity] >= _TELLING])
    newcomers = [entity for entity in given if entity not in chunks][:_MOST_NEWCOMERS]
    chunks |= {entity: [first] for entity, first in _first_chunks(connection, newcomers, within).items()}
    given = {entity: parts for entity, parts in given.items() if entity in chunks}
    higher, relevance = raised(scores, given), relevant(own, given)
    ordered = sorted(higher, key=lambda entity: (-higher[entity], entity))
    fallen = falling(below_one(relevance[entity]) for entity in ordered)
    ranked = _Ranked(chunks, dict(zip(ordered, fallen, strict=True)))
    ways: tuple[tuple[MatchedBy, Collection[str]], ...] = (
        ("lexical", {entities[chunk] for chunk in found.by_words}),
        ("semantic", {entities[chunk] for chunk in found.by_meaning}),
        ("links", given),
    )
    for way, members in ways:
        for entity in members:
            ranked.matched_by.setdefault(entity, []).append(way)
    return ranked


def _pinned(connection: "sqlite3.Connection", text: str, within: Filter) -> dict[str, int]:
    """What the question names by id, in its order, then by path; with their first chunks."""
    named = candidate_ids(text)
    pinned = _first_chunks(connection, named, within)
    pinned |= _first_of_files(connection, [name for name in named if name not in pinned], within)
    return dict(list(pinned.items())[:_MOST_PINNED])


def _entities(
    connection: "sqlite3.Connection", chunks: Collection[int], kinds: Kinds
) -> tuple[dict[int, str], dict[int, float]]:
    """By chunk: the entity that it is of, and what that counts by its kind."""
    rows = connection.execute(
        "SELECT chunk.id, entity_id, entity_type, path FROM chunk JOIN file ON file.id = chunk.file"  # noqa: S608 - numbers
        f" WHERE chunk.id IN ({', '.join(map(str, chunks))})"
    ).fetchall()
    return {row[0]: row[1] for row in rows}, {row[0]: kinds.worth(row[2], row[3]) for row in rows}


def _first_chunks(connection: "sqlite3.Connection", entities: Sequence[str], within: Filter) -> dict[str, int]:
    """The first chunk of each of some entities that there are, in their order; ids in any case."""
    rows = connection.execute(
        "SELECT entity_id, min(chunk.id) FROM chunk JOIN file ON file.id = chunk.file"  # noqa: S608 - fixed text
        f" WHERE entity_id COLLATE NOCASE IN ({', '.join('?' * len(entities))}) {within.condition} GROUP BY entity_id",
        (*entities, *within.values),
    )
    places = {entity.lower(): place for place, entity in enumerate(entities)}
    return dict(sorted(rows.fetchall(), key=lambda row: places.get(row[0].lower(), 0)))


def _first_of_files(connection: "sqlite3.Connection", paths: Sequence[str], within: Filter) -> dict[str, int]:
    """What the files at some paths begin with, by its id."""
    rows = connection.execute(
        "SELECT entity_id, chunk.id FROM file JOIN chunk ON chunk.file = file.id AND place = 0"  # noqa: S608 - fixed text
        f" WHERE path IN ({', '.join('?' * len(paths))}) {within.condition} ORDER BY path",
        (*paths, *within.values),
    )
    return dict(rows.fetchall())


def _sources(
    connection: "sqlite3.Connection", text: str, wanted: Sequence[tuple[str, float]], ranked: _Ranked
) -> list[Source]:
    asked = frozenset(words(text))
    return [_source(connection, asked, entity, relevance, ranked) for entity, relevance in wanted]


def _source(
    connection: "sqlite3.Connection", asked: Collection[str], entity: str, relevance: float, ranked: _Ranked
) -> Source:
    """An entity by its best chunk, unless that was found for the title alone, which they all have."""
    best: Source | None = None
    for chunk in ranked.chunks[entity][:_MOST_SHOWN]:
        entity_type, title, path, first, last, body = connection.execute(
            "SELECT entity_type, title, path, first_line, last_line, body"
            " FROM chunk JOIN file ON file.id = chunk.file WHERE chunk.id = ?",
            (chunk,),
        ).fetchone()
        shown, matched = excerpt(body, last, asked), tuple(ranked.matched_by[entity])
        source = Source(entity, entity_type, title, path, first, last, relevance, shown, body, matched)
        if shown.has_words:
            return source
        best = best or source
    assert best is not None, "an entity has a chunk"
    return best
