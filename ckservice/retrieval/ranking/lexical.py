"""Ranking by words: BM25 over the full-text table, weighted by where a word stands.

https://www.sqlite.org/fts5.html#the_bm25_function
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ckservice.retrieval.ranking.filters import Filter
from ckservice.retrieval.ranking.query import match_any, match_side_by_side, pairs, words

if TYPE_CHECKING:
    import sqlite3

_SCORE = "-bm25(fts, 0.5, 1.4, 0.7, 0.35)"
"""How much a word counts in an id or path, a title, the text, and taken out of identifiers."""

_FULL = 1.5
"""What BM25 gives for a word that stands in the title and in the text, as a multiple of its inverse document frequency."""

_CANDIDATES = 100
_MOST_COMMON = 0.5
_MOST_COUNTED = 150
"""Words of a question: whoever pastes a page has said what it is about by then."""

_MOST_WORDS = 64
"""Of those that are looked for, the rarest."""

_MOST_REPEATED = 4
_MOST_PAIRS = 40
_REFINED = 30
_PAIR = 0.25
"""How much two words side by side count; they count as two words already."""

_FEW = 500
"""Chunks of a small index. FTS5 takes a word in half of them for worthless; here, that may be what is asked for."""

_MOST_ROWS = 20_000
_MOST_OF_ALL = 0.5
"""Chunks that are scored, as a part of all: where the words stand in more, one of the rarer words has to be there."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Chunks by their scores, the best first.

    Attributes:
        scores: by number of the chunk.
        best: what a chunk scores that has every word of the question in its title and its text.
    """

    scores: dict[int, float]
    best: float


def rank(connection: "sqlite3.Connection", text: str, within: Filter) -> Ranking:
    """The hundred chunks that match a question best."""
    common = Counter(words(text)).most_common(_MOST_COUNTED)
    counts = {word: min(count, _MOST_REPEATED) for word, count in common}
    total = connection.execute("SELECT count(*) FROM chunk").fetchone()[0]
    known = {word: _frequency(connection, word) for word in counts}
    present = sorted((word for word in counts if known[word]), key=known.__getitem__)[:_MOST_WORDS]
    if not present:
        return Ranking({}, 1.0)
    if total <= _FEW:
        weights = {word: counts[word] * _smooth_idf(known[word], total) for word in counts}
        factors = {word: weights[word] / _idf(known[word], total) for word in present}
        scores = _sums(connection, factors, within)
    else:
        telling = [word for word in present if known[word] <= _MOST_COMMON * total] or present
        required = _required(telling, known, min(int(total * _MOST_OF_ALL), _MOST_ROWS))
        expression = match_any(word for word in telling for _ in range(counts[word]))
        if len(required) < len(telling):
            expression = f"({match_any(required)}) AND ({expression})"
            counts |= {word: counts[word] + 1 for word in counts.keys() - telling[len(required) :]}
        scores = _matches(connection, expression, within)
        weights = {word: counts[word] * _idf(known[word], total) for word in counts}
    # Words that stand nowhere count here: a question about something else is not answered by the rest of it.
    return Ranking(_with_pairs(connection, text, scores), _FULL * sum(weights.values()))


def _matches(
    connection: "sqlite3.Connection", expression: str, within: Filter, most: int = _CANDIDATES
) -> dict[int, float]:
    rows = connection.execute(
        f"SELECT fts.rowid, {_SCORE} AS score FROM fts {within.joined('fts.rowid')}"  # noqa: S608 - fixed text
        f" WHERE fts MATCH ? {within.condition} ORDER BY score DESC, fts.rowid LIMIT {most}",
        (expression, *within.values),
    )
    return dict(rows.fetchall())


def _sums(connection: "sqlite3.Connection", factors: Mapping[str, float], within: Filter) -> dict[int, float]:
    """What `_matches` gives for a small index, with factors to the scores of words."""
    sums: dict[int, float] = defaultdict(float)
    for word, factor in factors.items():
        for chunk, score in _matches(connection, match_any([word]), within, _FEW).items():
            sums[chunk] += factor * score
    return dict(sorted(sums.items(), key=lambda item: item[1], reverse=True)[:_CANDIDATES])


def _with_pairs(connection: "sqlite3.Connection", text: str, scores: dict[int, float]) -> dict[int, float]:
    """The same scores, more where words of the question stand side by side as they do there; the best first again."""
    spoken = pairs(text)[:_MOST_PAIRS]
    first = list(scores)[:_REFINED]
    if spoken and len(first) > 1:
        rows = connection.execute(
            f"SELECT rowid, {_SCORE} FROM fts WHERE fts MATCH ? AND +rowid IN ({', '.join(map(str, first))})",  # noqa: S608 - numbers
            (match_side_by_side(spoken),),
        )
        for chunk, score in rows:
            scores[chunk] += _PAIR * score
    return dict(sorted(scores.items(), key=lambda item: item[1], reverse=True))


def _frequency(connection: "sqlite3.Connection", word: str) -> int:
    """The number of chunks that a word stands in."""
    count = connection.execute("SELECT count(*) FROM fts WHERE fts MATCH ?", (match_any([word]),))
    return int(count.fetchone()[0])


def _required(telling: Sequence[str], known: Mapping[str, int], most: int) -> list[str]:
    """The rarest words, as many as stand in a number of chunks that can be scored, and in enough to choose from."""
    required: list[str] = []
    rows = 0
    for word in telling:
        if rows >= _CANDIDATES and rows + known[word] > most:
            break
        rows += known[word]
        required.append(word)
    return required


def _idf(count: int, total: int) -> float:
    """As FTS5 has it."""
    return max(math.log((total - count + 0.5) / (count + 0.5)), 1e-6)


def _smooth_idf(count: int, total: int) -> float:
    """As Lucene has it: never below 0."""
    return math.log(1 + (total - count + 0.5) / (count + 0.5))
