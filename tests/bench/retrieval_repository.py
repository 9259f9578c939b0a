"""Repositories that are made up: entities, prose and source of words that are as frequent as words are."""

from collections.abc import Iterator
from itertools import accumulate
from random import Random

_VOCABULARY = 30_000
_LENGTHS = (2, 3, 4, 5, 6, 8, 10)


class _Words:
    """Random words: the one at place n comes with a frequency of 1 / (n + 8)."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        spelling = Random(1)
        syllables = [first + last for first in "bcdfghklmnprstvwz" for last in ("a", "e", "i", "o", "u", "ar", "en")]
        found = dict.fromkeys(
            ("of", "and", "to", "in", "is", "that", "for", "it", "as", "with", "on", "be", "at", "by")
        )
        while len(found) < _VOCABULARY:
            found["".join(spelling.choices(syllables, k=spelling.choice((2, 3, 3, 4))))] = None
        self._words = list(found)
        self._weights = list(accumulate(1 / (place + 8) for place in range(_VOCABULARY)))

    def some(self, count: int) -> list[str]:
        return self.random.choices(self._words, cum_weights=self._weights, k=count)

    def line(self, count: int) -> str:
        return " ".join(self.some(count))


def repository(chunks: int) -> Iterator[tuple[str, str]]:
    """Files of so many chunks or a few more: a sixth of them entities, the others prose and source in equal parts."""
    some = _Words(3)
    number = made = 0
    while made < chunks:
        number += 1
        kind = some.random.random()
        if kind < 0.55:
            made += 1
            steps = "".join(f"  - {some.line(14)}\n" for _ in range(9))
            links = f"related:\n  feature: FEAT-{number % 97:03}\n"
            yield (
                f"contexts/tasks/T-{number:05}.yaml",
                f"id: T-{number:05}\ntitle: {some.line(6)}\n{links}steps:\n{steps}",
            )
        elif kind < 0.85:
            made += 4
            sections = "".join(f"## {some.line(4)}\n\n{_paragraph(some)}\n{_paragraph(some)}\n" for _ in range(4))
            yield f"docs/{number % 20}/{number}.md", f"# {some.line(4)}\n\n{sections}"
        else:
            made += 6
            yield f"src/{number % 30}/module{number}.py", "".join(_function(some, place) for place in range(6))


def _paragraph(some: _Words) -> str:
    return "".join(f"{some.line(12)}\n" for _ in range(5))


def _function(some: _Words, place: int) -> str:
    name = "_".join(some.some(2))
    body = "".join(
        f"    {one} = self.get{two.title()}{three.title()}({one})\n"
        for one, two, three in (some.some(3) for _ in range(9))
    )
    return f"def {name}_{place}(self):\n    # {some.line(10)}\n{body}\n\n"


def questions(count: int) -> list[str]:
    """Some words each."""
    asked = _Words(9)
    return [asked.line(asked.random.choice(_LENGTHS)) for _ in range(count)]
