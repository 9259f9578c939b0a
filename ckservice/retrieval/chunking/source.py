"""Source files by their definitions: what the lines of a file tell, and no parser.

A parser for each language would be more exact, and would fail on the file that is being written. Python's own can be made
to end the process by a file that nests deeply, https://docs.python.org/3/library/ast.html#ast.parse.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import NamedTuple

from ckservice.retrieval.chunking.headers import name_of
from ckservice.retrieval.chunking.languages import Language, language_of
from ckservice.retrieval.chunking.levels import Unit, read_levels
from ckservice.retrieval.chunking.lines import (
    MOST_CHARACTERS,
    MOST_LINES,
    Passage,
    Span,
    blocks,
    packed,
    passages,
    size,
    split_lines,
    trimmed,
)

_FEWEST_LINES = 2
"""Of a definition that stands for itself; shorter ones go with what is around them."""

_MOST_DEPTH = 5
_SCRIPT = re.compile(r"#![^\n]{0,80}?\b(python|node|deno|bun|ruby|php|\w{0,3}sh)(?![a-z])")
_INTERPRETERS = {"python": ".py", "node": ".js", "deno": ".ts", "bun": ".ts", "ruby": ".rb", "php": ".php"}


class _Part(NamedTuple):
    """Lines that belong to one definition; `name` is empty for those that are in none."""

    name: str
    span: Span


def source(path: str, text: str) -> Iterator[Passage]:
    """The passages of a file. What is in no definition goes by the name of the file."""
    name = PurePosixPath(path)
    script = _SCRIPT.match(text)
    ending = name.suffix.lower() or (_INTERPRETERS.get(script[1], ".sh") if script is not None else "")
    return _Scan(split_lines(text), name.name, language_of(ending)).passages()


class _Scan:
    """One file."""

    def __init__(self, lines: Sequence[str], title: str, language: Language) -> None:
        self._lines = lines
        self._title = title
        self._language = language
        self._levels = read_levels(lines, language)
        self._names: dict[str, int] = {}

    def passages(self) -> Iterator[Passage]:
        parts = self._parts(Span(1, len(self._lines)), "", 0)
        for name, group in groupby(parts, key=lambda part: part.name):
            spans = [part.span for part in group]
            pieces = self._pieces(Span(spans[0].first, spans[-1].last))
            yield from passages(self._lines, name, name or self._title, pieces)

    def _parts(self, span: Span, holder: str, depth: int) -> Iterator[_Part]:
        """The parts of some lines, in their order; what stands between definitions is the holder's own."""
        for unit in self._levels.units(span):
            below = self._levels.below(unit) if depth < _MOST_DEPTH and not self._fits(unit.span) else None
            name = self._name(unit, holder)
            if below is not None:
                # What has members may be in several places: a namespace, an extension, a type and what it implements.
                yield _Part(name, Span(unit.span.first, below - 1))
                yield from self._parts(Span(below, unit.span.last), name, depth + 1)
            else:
                yield _Part(self._distinct(name) if name != holder else name, unit.span)

    def _name(self, unit: Unit, holder: str) -> str:
        """The name of a definition; else that of what it is in."""
        lines = trimmed(self._lines, unit.span)
        if unit.head is None or lines is None or lines.last - lines.first + 1 < _FEWEST_LINES:
            return holder
        name = name_of(self._lines, unit.head, self._language)
        return f"{holder}.{name}" if holder and name else name or holder

    def _distinct(self, name: str) -> str:
        """The name, with a number if it has been given before."""
        count = self._names[name] = self._names.get(name, 0) + 1
        return f"{name}@{count}" if count > 1 else name

    def _fits(self, span: Span) -> bool:
        return span.last - span.first < MOST_LINES and size(self._lines, span) <= MOST_CHARACTERS

    def _pieces(self, span: Span) -> Iterator[Span]:
        """At most so many lines, cut at blank ones where there are any."""
        whole = trimmed(self._lines, span)
        if whole is None:
            return
        if whole.last - whole.first < MOST_LINES:
            yield whole
            return
        for part in packed(self._lines, blocks(self._lines, whole)):
            for first in range(part.first, part.last + 1, MOST_LINES):
                yield Span(first, min(first + MOST_LINES - 1, part.last))
