"""Texts that name things and say something of each, one inside the other: YAML, JSON, TOML, CSS, HTML, build files.

They are cut by what their indentation tells, which also works while they are broken.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from ckservice.retrieval.chunking.levels import Kind, Levels, Unit
from ckservice.retrieval.chunking.lines import (
    MOST_CHARACTERS,
    Passage,
    Span,
    column,
    paragraph,
    passages,
    size,
    split_lines,
)

_MOST_DEPTH = 12
_MOST_COLUMNS = 1000
_SECTIONS = frozenset({".toml", ".ini", ".cfg", ".conf", ".properties"})
"""Endings of files where a name in brackets stands above what belongs to it, and not further out."""

_NAME = re.compile(
    r"(?:\[{1,2}\s{0,4}([\w.\"' @/:-]{1,80})\]|<([\w:-]{1,80})|[\"']?([\w.@$/#*-][\w.@$/#* -]{0,79})[\"']?\s{0,8}[:={])"
)
_COMMENT = ("#", "//", "/*", "<!--", ";")
_CLOSING = ("}", "]", ")", "</")


class _Part(NamedTuple):
    """Lines under some names, from the outermost."""

    names: tuple[str, ...]
    span: Span


def outline(path: str, text: str) -> Iterator[Passage]:
    """The passages of a file. Each goes by what all of it stands under."""
    name = PurePosixPath(path)
    lines = split_lines(text)
    for part in parts(lines, Span(1, len(lines)), name.suffix.lower()):
        yield from passages(lines, ".".join(part.names), " > ".join((name.name, *part.names)), [part.span])


def parts(lines: Sequence[str], span: Span, ending: str = ".yaml") -> Iterator[_Part]:
    """Lines in parts of a size to be found by; what is too long for one part by what stands in it."""
    return _Outline(lines, span, has_sections=ending in _SECTIONS).parts(span, (), 0)


class _Outline:
    """Lines of one text; what is outside the span is not looked at."""

    def __init__(self, lines: Sequence[str], span: Span, *, has_sections: bool) -> None:
        self._lines = lines
        before = span.first - 1
        kinds = [Kind.BLANK] * before + [_kind(line.lstrip(), has_sections) for line in lines[before : span.last]]
        levels = [0] * before + [_level(line, has_sections) for line in lines[before : span.last]]
        self._levels = Levels(kinds, levels)

    def parts(self, span: Span, names: tuple[str, ...], depth: int) -> Iterator[_Part]:
        """The parts of some lines, in their order; neighbours are joined as far as they fit."""
        if size(self._lines, span) <= MOST_CHARACTERS:
            yield _Part(names, span)
            return
        joined: list[Unit] = []
        characters = 0
        for unit in self._levels.units(span):
            more = size(self._lines, unit.span)
            if joined and characters + more > MOST_CHARACTERS:
                yield self._joined(joined, names)
                joined, characters = [], 0
            if more > MOST_CHARACTERS:
                yield from self._opened(unit, names, depth)
            else:
                joined.append(unit)
                characters += more
        if joined:
            yield self._joined(joined, names)

    def _joined(self, units: Sequence[Unit], names: tuple[str, ...]) -> _Part:
        span = Span(units[0].span.first, units[-1].span.last)
        return _Part(self._within(units[0], names) if len(units) == 1 else names, span)

    def _within(self, unit: Unit, names: tuple[str, ...]) -> tuple[str, ...]:
        name = _name(self._lines[unit.head - 1]) if unit.head is not None else ""
        return (*names, name) if name else names

    def _opened(self, unit: Unit, names: tuple[str, ...], depth: int) -> Iterator[_Part]:
        within = self._within(unit, names)
        below = self._levels.below(unit) if depth < _MOST_DEPTH else None
        if below is None:
            for span in paragraph(self._lines, unit.span):
                yield _Part(within, span)
            return
        first = unit.span.first
        for part in self.parts(Span(below, unit.span.last), within, depth + 1):
            # The line that names it all goes with the first part of what is in it.
            yield _Part(part.names, Span(min(first, part.span.first), part.span.last))
            first = part.span.last + 1


def _kind(text: str, has_sections: bool) -> Kind:
    if not text:
        return Kind.BLANK
    if text.startswith(_COMMENT) and not text.startswith("#!"):
        return Kind.COMMENT
    return Kind.CLOSING if text.startswith(_CLOSING) and not has_sections else Kind.PLAIN


def _level(line: str, has_sections: bool) -> int:
    text = line.lstrip()
    if has_sections:
        return 0 if text.startswith(("[", *_COMMENT)) else 1
    # An item may stand in the column of the key that it belongs to.
    return 2 * column(line, _MOST_COLUMNS) + text.startswith(("- ", "-\t"))


def _name(line: str) -> str:
    found = _NAME.match(line.lstrip()[:200])
    name = next(filter(None, found.groups()), "") if found is not None else ""
    return name.strip(" \"'")
