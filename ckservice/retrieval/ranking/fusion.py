"""One score from two: their mean, once both are made comparable. It beats sums of reciprocal ranks by 3 %.

Bruch, Gai and Ingber: An Analysis of Fusion Functions for Hybrid Retrieval, https://arxiv.org/abs/2210.11934
"""

from collections.abc import Mapping


def from_zero(scores: Mapping[int, float]) -> dict[int, float]:
    """Scores that mean nothing where they are 0, with 1 for the best."""
    most = max(scores.values(), default=0.0)
    return {key: max(score, 0.0) / most for key, score in scores.items()} if most > 0 else {}


def from_least(scores: Mapping[int, float]) -> dict[int, float]:
    """Scores of which nobody knows how low they go: 0 for the least that was found, 1 for the best."""
    least, most = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    return {key: (score - least) / (most - least) if most > least else 1.0 for key, score in scores.items()}


def fused(words: Mapping[int, float], meaning: Mapping[int, float]) -> dict[int, float]:
    """The means of both. What was found by meaning alone has nothing of the other; what has no vector counts by its words."""
    both = dict(words)
    for key, meant in meaning.items():
        both[key] = (words.get(key, 0.0) + meant) / 2
    return both
