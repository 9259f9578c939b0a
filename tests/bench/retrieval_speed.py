"""Speed of the index itself, as CPU time of one thread: what other machines and other work on this one change least."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import quantiles
from time import thread_time
from typing import Any, TypeVar

from ckservice.retrieval.ranking.query import match_any, words
from ckservice.retrieval.ranking.search import Query, search
from ckservice.retrieval.ranking.vectors import Signs, Vector
from ckservice.retrieval.storage import stored_vectors
from tests.bench.retrieval_collections import fill, opened
from tests.bench.retrieval_repository import questions, repository
from tests.indexing import put

Row = list[str]
T = TypeVar("T")

_DIMENSIONS = 384
_QUERIES = 100
_MODEL = "model"


def speed_table(directory: Path, sizes: list[int]) -> list[Row]:
    """Milliseconds of CPU for each size; two numbers are the median and the 95th percentile."""
    columns = [_measure(directory / f"{size}.sqlite3", size) for size in sizes]
    return [
        ["CPU ms, p50 / p95", *(f"{size:,} chunks" for size in sizes)],
        *([name, *(column[name] for column in columns)] for name in columns[0]),
    ]


def _measure(path: Path, size: int) -> dict[str, str]:
    texts = list(repository(size))
    connection = opened(path)
    measured = {
        "first index, s": f"{_seconds(lambda: fill(connection, (put(*item) for item in texts))):.2f}",
        "  of that, FTS5 alone": f"{_seconds(lambda: _plain(connection)):.2f}",
    }
    some = texts[:: max(len(texts) // _QUERIES, 1)][:_QUERIES]
    measured["one changed file"] = _times(lambda item: fill(connection, [put(*item)]), some)
    random = Random(5)
    _embed(connection, random)
    question = Query("some words")
    measured["open and first answer"] = _times(lambda path: search(opened(path), question, Signs()), [path] * 5)
    signs = Signs()
    first = Query("words", vector=_vector(random))
    measured["first answer with vectors"] = f"{1000 * _seconds(lambda: search(connection, first, signs)):.1f}"
    return measured | _searches(connection, signs, random) | {"size, MB": f"{path.stat().st_size / 1e6:.0f}"}


def _searches(connection: sqlite3.Connection, signs: Signs, random: Random) -> dict[str, str]:
    def find(query: Query) -> None:
        search(connection, query, signs)

    texts = questions(_QUERIES)
    hybrid = [Query(text, vector=_vector(random)) for text in texts]
    return {
        "lexical": _times(find, [Query(text) for text in texts]),
        "  plain FTS5, OR": _times(lambda text: _match(connection, text), texts),
        **_bm25s(connection, texts),
        "lexical, top 100": _times(find, [Query(text, 100) for text in texts]),
        "hybrid": _times(find, hybrid),
        "hybrid, tasks only": _times(find, [replace(query, entity_types=["task"]) for query in hybrid]),
    }


def _bm25s(connection: sqlite3.Connection, texts: list[str]) -> dict[str, str]:
    """As LlamaIndex has it, where it is installed: an index in memory, made anew after each change."""
    if find_spec("bm25s") is None or find_spec("Stemmer") is None:
        return {}
    import bm25s
    from Stemmer import Stemmer

    stemmer = Stemmer("english")
    bodies = [f"{title}\n{body}" for title, body in connection.execute("SELECT title, body FROM chunk")]

    def tokens(texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)

    retriever = bm25s.BM25()
    seconds = _seconds(lambda: retriever.index(tokens(bodies), show_progress=False))
    find = _times(lambda text: retriever.retrieve(tokens([text]), k=5, show_progress=False), texts)
    return {"  bm25s": find, "  bm25s, one changed file": f"{1000 * seconds:.0f}"}


def _plain(connection: sqlite3.Connection) -> None:
    """What SQLite alone takes to index the same text."""
    connection.execute("CREATE VIRTUAL TABLE plain USING fts5 (title, body, content = '', tokenize = 'porter')")
    connection.execute("INSERT INTO plain (rowid, title, body) SELECT id, title, body FROM chunk")
    connection.execute("DROP TABLE plain")


def _match(connection: sqlite3.Connection, question: str) -> None:
    select = "SELECT rowid, title FROM fts WHERE fts MATCH ? ORDER BY rank LIMIT 5"
    connection.execute(select, (match_any(words(question)),)).fetchall()


def _embed(connection: sqlite3.Connection, random: Random) -> None:
    last = 0
    while texts := stored_vectors.missing(connection, _MODEL, 500, last):
        stored_vectors.store(connection, _MODEL, [(text.text_hash, _vector(random).values) for text in texts])
        last = texts[-1].chunk


def _vector(random: Random) -> Vector:
    return Vector(_MODEL, [random.gauss(0, 1) for _ in range(_DIMENSIONS)])


def _seconds(work: Callable[[], object]) -> float:
    begun = thread_time()
    work()
    return thread_time() - begun


def _times(work: Callable[[T], object], items: Iterable[T]) -> str:
    seconds = [_seconds(lambda: work(item)) for item in items]  # noqa: B023 - it runs at once
    cuts = quantiles(seconds, n=20, method="inclusive")
    return f"{1000 * cuts[9]:.1f} / {1000 * cuts[18]:.1f}"
