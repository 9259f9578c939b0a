"""What `relevanceScore` says, in each mode: how many of the sources of a score are relevant, and whether a fixed least
score keeps what answers a question from what answers none."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median

from tests.bench.minilm import MiniLM
from tests.bench.retrieval_collections import Collection, Indexed

Row = list[str]

_LEAST = 0.5
"""The score below which a careful caller might leave sources out."""

_SOME = 100
"""Questions of each kind to each collection."""


def scores_tables(
    collections: Sequence[Collection], directory: Path, model: MiniLM | None
) -> Iterator[tuple[str, list[Row]]]:
    """Tables with their titles; see `quality_table`."""
    modes = ("lexical", "semantic", "hybrid") if model is not None else ("lexical",)
    indexes = [
        Indexed(collection, directory / f"{collection.name}.sqlite", model, links=True) for collection in collections
    ]
    yield (
        "scores: share of relevant sources by relevanceScore (sources)",
        [
            ["", *(f"{tenth / 10:.1f}" for tenth in range(10))],
            *([mode, *_shares(collections, indexes, mode)] for mode in modes),
        ],
    )
    yield (
        f"scores: median of the best source (share of them from {_LEAST})",
        [
            ["", "text of a document", "its title", "judged question", "question to another collection"],
            *([mode, *_best(collections, indexes, mode)] for mode in modes),
        ],
    )
    if model is not None:
        yield (
            "scores: the same source for the same question, mean difference from lexical",
            [["", "all", "relevant"], *([mode, *_differences(collections, indexes, mode)] for mode in modes[1:])],
        )


def _shares(collections: Sequence[Collection], indexes: Sequence[Indexed], mode: str) -> list[str]:
    found: dict[int, list[bool]] = defaultdict(list)
    for collection, index in zip(collections, indexes, strict=True):
        for query, text in collection.queries.items():
            for doc, source in index.search(text, mode).items():
                found[min(int(source.relevance * 10), 9)].append(collection.grades[query].get(doc, 0) > 0)
    return [f"{mean(found[tenth]):.2f} ({len(found[tenth])})" if found[tenth] else "-" for tenth in range(10)]


def _best(collections: Sequence[Collection], indexes: Sequence[Indexed], mode: str) -> list[str]:
    kinds: list[list[float]] = [[], [], [], []]
    for place, (collection, index) in enumerate(zip(collections, indexes, strict=True)):
        titled = [doc for doc in collection.docs if doc["title"].strip()]
        docs = titled[:: max(len(titled) // _SOME, 1)]
        others = collections[place - 1]
        asked = (
            [f"{doc['title']} {doc['text']}" for doc in docs],
            [doc["title"] for doc in docs],
            collection.queries.values(),
            others.queries.values(),
        )
        for kind, texts in zip(kinds, asked, strict=True):
            kind.extend(_firsts(index, list(texts)[:_SOME], mode))
    return [f"{median(kind):.2f} ({mean(score >= _LEAST for score in kind):.2f})" for kind in kinds]


def _firsts(index: Indexed, texts: Iterable[str], mode: str) -> list[float]:
    return [max((source.relevance for source in index.search(text, mode, 1).values()), default=0.0) for text in texts]


def _differences(collections: Sequence[Collection], indexes: Sequence[Indexed], mode: str) -> list[str]:
    everything, relevant = [], []
    for collection, index in zip(collections, indexes, strict=True):
        for query, text in collection.queries.items():
            one, other = index.search(text, "lexical"), index.search(text, mode)
            for doc in one.keys() & other.keys():
                difference = abs(one[doc].relevance - other[doc].relevance)
                everything.append(difference)
                if collection.grades[query].get(doc, 0) > 0:
                    relevant.append(difference)
    return [f"{mean(differences):.2f}" for differences in (everything, relevant)]
