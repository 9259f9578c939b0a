"""Quality on collections with judgements: nDCG@10 with linear gain, recall@10 and MRR@10."""

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any

from tests.bench.minilm import MiniLM
from tests.bench.retrieval_collections import Collection, Indexed

Row = list[str]
Find = Callable[[str], Iterable[str]]
"""Documents by id, the best first."""

_DEPTH = 10


def quality_table(collections: Sequence[Collection], directory: Path, model: MiniLM | None) -> list[Row]:
    """nDCG for each collection and way of finding, and the means of all three measures.

    Args:
        collections: to be asked.
        directory: for indexes.
        model: makes vectors; without it there are none.
    """
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for collection in collections:
        for way, find in _ways(collection, directory, model):
            rows[way].append(measure(collection, find))
    heading = ["nDCG@10", *(collection.name for collection in collections), "mean", "recall@10", "MRR@10"]
    return [heading, *(_row(way, measures) for way, measures in rows.items())]


def measure(collection: Collection, find: Find) -> tuple[float, float, float]:
    """The means of nDCG, recall and reciprocal rank over the questions."""
    measures = [
        _measures(list(find(text))[:_DEPTH], collection.grades[query]) for query, text in collection.queries.items()
    ]
    ndcg, recall, rank = (mean(values) for values in zip(*measures, strict=True))
    return ndcg, recall, rank


def _ways(collection: Collection, directory: Path, model: MiniLM | None) -> Iterator[tuple[str, Find]]:
    yield "plain FTS5, porter, OR", _plain(collection)
    if find_spec("bm25s") is not None and find_spec("Stemmer") is not None:
        yield "bm25s, stemmer", _bm25s(collection)
    for links in (False, True):
        index = Indexed(collection, directory / f"{collection.name}-{links}.sqlite", model, links=links)
        for mode in ("lexical", "semantic", "hybrid") if model is not None else ("lexical",):
            yield f"ckservice {mode}{', links' if links else ''}", partial(index.search, mode=mode)


def _plain(collection: Collection) -> Find:
    """What anybody would try first."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE docs USING fts5 (title, text, tokenize = 'porter')")
    rows = ((place, doc["title"], doc["text"]) for place, doc in enumerate(collection.docs))
    connection.executemany("INSERT INTO docs (rowid, title, text) VALUES (?, ?, ?)", rows)

    def find(text: str) -> list[str]:
        expression = " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", text.lower())))
        select = f"SELECT rowid FROM docs WHERE docs MATCH ? ORDER BY rank LIMIT {_DEPTH}"
        return [collection.docs[place]["id"] for (place,) in connection.execute(select, (expression,))]

    return find


def _bm25s(collection: Collection) -> Find:
    """As LlamaIndex has it."""
    import bm25s
    from Stemmer import Stemmer

    stemmer = Stemmer("english")

    def tokens(texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)

    retriever = bm25s.BM25()
    retriever.index(tokens([f"{doc['title']}\n{doc['text']}" for doc in collection.docs]), show_progress=False)

    def find(text: str) -> list[str]:
        places, _ = retriever.retrieve(tokens([text]), k=_DEPTH, show_progress=False)
        return [collection.docs[place]["id"] for place in places[0]]

    return find


def _measures(found: list[str], grades: dict[str, float]) -> tuple[float, float, float]:
    relevant = [doc for doc, grade in grades.items() if grade > 0]
    hits = [place for place, doc in enumerate(found) if grades.get(doc, 0) > 0]
    ideal = _gain(sorted(grades.values(), reverse=True)[:_DEPTH])
    ndcg = _gain(grades.get(doc, 0.0) for doc in found) / ideal
    return ndcg, len(hits) / len(relevant), 1 / (hits[0] + 1) if hits else 0.0


def _gain(grades: Iterable[float]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))


def _row(way: str, measures: list[tuple[float, float, float]]) -> Row:
    ndcg, recall, rank = zip(*measures, strict=True)
    return [way, *(f"{value:.3f}" for value in ndcg), *(f"{mean(values):.4f}" for values in (ndcg, recall, rank))]
