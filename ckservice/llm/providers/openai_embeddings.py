"""Vectors from OpenAI's embeddings API, https://platform.openai.com/docs/api-reference/embeddings."""

from collections.abc import Iterator, Sequence
from typing import Any

from ckservice.llm.estimate import estimate_text

_MOST_TEXTS = 256
"""In one request. The API takes 2,048, but reading so many vectors would hold up the event loop for half a second."""

_MOST_TOKENS = 100_000
"""In one request, estimated. The API takes 300,000."""


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Cut texts into requests, in their order."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        more = estimate_text(text)
        if batch and (len(batch) == _MOST_TEXTS or tokens + more > _MOST_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += more
    if batch:
        yield batch


def vectors(answer: Any, count: int) -> list[list[float]]:
    """The vectors in an answer, in the order of the texts.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: it is none, or not one for `count` texts.
    """
    indexed = {entry.get("index", place): entry["embedding"] for place, entry in enumerate(answer["data"])}
    found = [indexed[place] for place in range(count)]
    if len(answer["data"]) != count:
        raise ValueError
    if not all(isinstance(vector, list) and vector and set(map(type, vector)) <= {int, float} for vector in found):
        raise TypeError
    if len(set(map(len, found))) != 1:
        raise ValueError
    return found
