"""Lines of a text, and passages of them that are of a size to be found by."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MOST_CHARACTERS = 1600
"""Of a passage of prose or YAML: about 240 words. Longer ones are about too much at once, and are found less well."""

MOST_LINES = 60
"""Of a passage of source."""

_MOST_WHOLE = 2 * MOST_CHARACTERS
"""Characters of what stays whole if it can: a definition, a table, code within prose."""

_MOST_WORD = 80
_NOTHING = re.compile(r"(?:[\W_]++|end\b)*+")
"""What no word can find: brackets that are closed."""

_BREAK = re.compile("\r\n?|\n")
_TAB = 4


class Span(NamedTuple):
    """Lines by number, from 1; the last one belongs to it."""

    first: int
    last: int


class Passage(NamedTuple):
    """Lines under a title, which become a chunk.

    Attributes:
        name: tells apart the entities of a file: a slug, the name of a definition; empty for the file itself.
        first: line where it begins, from 1, with what the body leaves out.
        last: line on which the body ends.
    """

    name: str
    title: str
    first: int
    last: int
    body: str


def split_lines(text: str) -> list[str]:
    """Lines as editors count them, without their line breaks; a text ends with a line, which may be empty."""
    return _BREAK.split(text)


def size(lines: Sequence[str], span: Span) -> int:
    """Characters in the lines of a span, with their line breaks."""
    return sum(map(len, lines[span.first - 1 : span.last])) + span.last - span.first + 1


def column(line: str, most: int) -> int:
    """How far a line is indented, in spaces; a tab goes to the next multiple of four."""
    indented = len(line) - len(line.lstrip())
    if "\t" in line[:indented]:
        indented = len(line[: min(indented, most)].expandtabs(_TAB))
    return min(indented, most)


def trimmed(lines: Sequence[str], span: Span) -> Span | None:
    """A span without the blank lines around it; `None` where nothing is left."""
    first, last = span
    while first <= last and not lines[first - 1].strip():
        first += 1
    while last >= first and not lines[last - 1].strip():
        last -= 1
    return Span(first, last) if first <= last else None


def blocks(lines: Sequence[str], span: Span) -> Iterator[Span]:
    """What blank lines separate."""
    first = None
    for number in range(span.first, span.last + 1):
        if not lines[number - 1].strip():
            if first is not None:
                yield Span(first, number - 1)
            first = None
        elif first is None:
            first = number
    if first is not None:
        yield Span(first, span.last)


def paragraph(lines: Sequence[str], span: Span) -> Iterator[Span]:
    """Lines that belong together, in parts only where they are too long for one passage."""
    if size(lines, span) <= MOST_CHARACTERS:
        yield span
    else:
        yield from packed(lines, (Span(number, number) for number in range(span.first, span.last + 1)))


def packed(lines: Sequence[str], spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that follow one another, joined as far as they fit into one passage."""
    joined: Span | None = None
    characters = 0
    for span in spans:
        if joined is not None:
            characters += size(lines, Span(joined.last + 1, span.last))
            if characters <= MOST_CHARACTERS:
                joined = Span(joined.first, span.last)
                continue
            yield joined
        joined, characters = span, size(lines, span)
    if joined is not None:
        yield joined


def passages(
    lines: Sequence[str], name: str, title: str, spans: Iterable[Span], *, first: int | None = None
) -> Iterator[Passage]:
    """Passages for spans; one that is too long is cut between lines, and a line that is too long anywhere.

    Args:
        lines: of the text.
        name: of all passages.
        title: of all passages.
        spans: in their order.
        first: line where the first passage begins, where that is before its span.
    """
    for part in (part for span in spans for part in _cut(lines, span)):
        within = trimmed(lines, part)
        if within is None:
            continue
        body = "\n".join(lines[within.first - 1 : within.last])
        for piece in [body] if len(body) <= _MOST_WHOLE else _pieces(body):
            if not _NOTHING.fullmatch(piece):
                yield Passage(name, title, within.first if first is None else first, within.last, piece)
                first = None


def _cut(lines: Sequence[str], span: Span) -> Iterator[Span]:
    """A span, or its parts where it has far more characters than a passage may have."""
    if size(lines, span) <= _MOST_WHOLE:
        yield span
    else:
        yield from paragraph(lines, span)


def _pieces(line: str) -> Iterator[str]:
    """The parts of a line, cut at spaces where there are any."""
    start = 0
    while start < len(line):
        end = start + MOST_CHARACTERS
        space = line.rfind(" ", end - _MOST_WORD, end) if end < len(line) else -1
        end = end if space < 0 else space + 1
        yield line[start:end]
        start = end
