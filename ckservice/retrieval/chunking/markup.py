"""reStructuredText and AsciiDoc by their headings.

https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#sections
https://docs.asciidoctor.org/asciidoc/latest/sections/titles-and-levels/
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from ckservice.retrieval.chunking.lines import Passage, Span, paragraph, split_lines
from ckservice.retrieval.chunking.sections import Heading, by_headings

_MOST_HEADING = 200
_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{1,}[ \t]*")
_ASCIIDOC = re.compile(r"(={1,6})[ \t]+(\S.*)")
_DELIMITER = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|\|={3,}|`{3,})[ \t]*\w{0,40}")


def restructured_text(path: str, text: str) -> Iterator[Passage]:
    """The passages of a text. Which line below a title means which level, the order tells in which they come."""
    lines = split_lines(text)
    return by_headings(lines, PurePosixPath(path).stem, _restructured(lines))


def asciidoc(path: str, text: str) -> Iterator[Passage]:
    """The passages of a text. What stands between delimiters holds no headings."""
    lines = split_lines(text)
    return by_headings(lines, PurePosixPath(path).stem, _asciidoc(lines))


def _restructured(lines: Sequence[str]) -> Iterator[Heading | Span]:
    styles: list[str] = []
    number = 1
    while number <= len(lines):
        if not lines[number - 1]:
            number += 1
            continue
        found = _titled(lines, number)
        if found is not None:
            style, words, last = found
            if style not in styles:
                styles.append(style)
            yield Heading(styles.index(style) + 1, words, Span(number, last))
            number = last + 1
            continue
        end = number
        while end < len(lines) and lines[end - 1].strip() and lines[end].strip() and _titled(lines, end + 1) is None:
            end += 1
        yield from paragraph(lines, Span(number, end))
        number = end + 1


def _titled(lines: Sequence[str], number: int) -> tuple[str, str, int] | None:
    """How the title that begins on a line is adorned, its words, and its last line."""
    line, following, third = (*lines[number - 1 : number + 2], "", "")[:3]
    above = line[:1] and _is_adornment(line)
    if above and following.strip() and third.rstrip() == line.rstrip() and not _is_adornment(following):
        return 2 * line[0], " ".join(following[:_MOST_HEADING].split()), number + 2
    if above or not line.strip() or line[0].isspace() or len(line) > _MOST_HEADING:
        return None
    if following and _is_adornment(following) and len(following.rstrip()) >= len(line.rstrip()):
        return following[0], " ".join(line.split()), number + 1
    return None


def _is_adornment(line: str) -> bool:
    return len(line) <= _MOST_HEADING and _ADORNMENT.fullmatch(line) is not None


def _asciidoc(lines: Sequence[str]) -> Iterator[Heading | Span]:
    number = 1
    last = {line.rstrip(): place for place, line in enumerate(lines, 1) if _is_delimiter(line)}
    while number <= len(lines):
        line = lines[number - 1]
        heading = _ASCIIDOC.fullmatch(line[:_MOST_HEADING]) if line.startswith("=") else None
        if heading is not None:
            yield Heading(len(heading[1]), " ".join(heading[2].split()), Span(number, number))
            number += 1
            continue
        end = _block_end(lines, number, last)
        yield Span(number, end)
        number = end + 1


def _is_delimiter(line: str) -> bool:
    return line[:1] in "-.=*_+/|`" and len(line) <= _MOST_HEADING and _DELIMITER.fullmatch(line) is not None


def _block_end(lines: Sequence[str], number: int, last: Mapping[str, int]) -> int:
    """The last line of the block that begins on a line: with its second delimiter, else before a blank line or another block.

    Args:
        lines: of the text.
        number: of the first line of the block.
        last: where each delimiter stands last.
    """
    opening = _DELIMITER.fullmatch(lines[number - 1]) if _is_delimiter(lines[number - 1]) else None
    if opening is not None and last.get(opening[1], 0) > number:
        return next(place for place in range(number + 1, len(lines) + 1) if lines[place - 1].rstrip() == opening[1])
    end = number
    while (
        end < len(lines)
        and lines[end - 1].strip()
        and lines[end].strip()
        and not lines[end].startswith(("=", "--", "..", "|="))
    ):
        end += 1
    return end
