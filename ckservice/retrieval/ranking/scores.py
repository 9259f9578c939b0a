"""What scores mean: how relevant a source is, from 0 to 1, the same in every mode.

`python -m tests.bench retrieval scores` shows what the numbers here were chosen by: of the sources with the same relevance,
about as many answer the question whether they were found by words, by meaning or by both.
"""

import math
from collections.abc import Iterable, Mapping

from ckservice.retrieval.ranking.lexical import Ranking

_UNRELATED = 0.2
_SAME = 0.8
"""Cosines of texts that have nothing to do with each other, and of a question and the text that it asks for."""


_BENT = 0.7
"""Where relevances begin to be bent."""


def covered(ranking: Ranking) -> dict[int, float]:
    """How relevant chunks are that were found by words: the root of how much of the question's weight is in them.

    It may be above 1, where words stand side by side as they do in the question.
    """
    return {chunk: math.sqrt(max(score / ranking.best, 0.0)) for chunk, score in ranking.scores.items()}


def alike(cosines: Mapping[int, float]) -> dict[int, float]:
    """How relevant chunks are that were found by meaning."""
    width = _SAME - _UNRELATED
    return {chunk: min(max((cosine - _UNRELATED) / width, 0.0), 1.0) for chunk, cosine in cosines.items()}


def relevances(by_words: Mapping[int, float], by_meaning: Mapping[int, float]) -> dict[int, float]:
    """How relevant chunks are by both: mostly what the better one says, for either may miss what the other sees.

    What has no vector is as relevant as its words say.
    """
    both = dict(by_words)
    for chunk, meant in by_meaning.items():
        said = by_words.get(chunk, 0.0)
        both[chunk] = (3 * max(said, meant) + min(said, meant)) / 4
    return both


def below_one(value: float) -> float:
    """A relevance that keeps its order, and never comes to 1: that is for what was asked for by its id."""
    return value if value < _BENT else 1 - (1 - _BENT) * math.exp((_BENT - value) / (1 - _BENT))


def falling(values: Iterable[float]) -> list[float]:
    """The values that are closest to some in all, and never rise: where they do, their mean.

    https://en.wikipedia.org/wiki/Isotonic_regression, by pooling adjacent violators.
    """
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] * count < total * pools[-1][1]:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]
