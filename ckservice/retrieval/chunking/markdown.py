"""Markdown by its headings, and what is below a heading by blocks; code and tables stay whole.

Only what tells blocks apart is read: https://spec.commonmark.org/0.31.2/#leaf-blocks
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ckservice.retrieval.chunking.lines import Passage, Span, paragraph, split_lines
from ckservice.retrieval.chunking.sections import Heading, by_headings

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_CLOSING = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_NO_PARAGRAPH = re.compile(r" {4}|\t| {0,3}(?:[-+*>|#]|[0-9]{1,9}[.)][ \t])")
_ROW = re.compile(r" {0,3}\|")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_MARKS = re.compile(r"\*|</?[a-zA-Z][^<>]{0,200}>|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)")
_MOST_HEADING = 200
"""Characters of a heading; a longer one is taken for a paragraph."""


def markdown(path: str, text: str) -> Iterator[Passage]:
    """The passages of a text."""
    lines = split_lines(text)
    return by_headings(lines, PurePosixPath(path).stem, _parts(lines))


def _parts(lines: Sequence[str]) -> Iterator[Heading | Span]:
    number = _behind_front_matter(lines)
    if number > 1:
        yield Span(1, number - 1)
    while number <= len(lines):
        line = lines[number - 1]
        if not line.strip():
            number += 1
            continue
        heading = _heading(lines, number)
        if heading is not None:
            yield heading
            number = heading.lines.last + 1
            continue
        block = Span(number, _block_end(lines, number))
        if _FENCE.match(line) or _ROW.match(line):
            yield block
        else:
            yield from paragraph(lines, block)
        number = block.last + 1


def _behind_front_matter(lines: Sequence[str]) -> int:
    """The first line behind the YAML at the top of a text; 1 where there is none."""
    if lines[0].rstrip() == "---":
        for number, line in enumerate(lines[1:200], 2):
            if line.rstrip() in ("---", "..."):
                return number + 1
    return 1


def _heading(lines: Sequence[str], number: int) -> Heading | None:
    """The heading that begins on a line."""
    line = lines[number - 1]
    if len(line) > _MOST_HEADING:
        return None
    if line.lstrip(" ").startswith("#"):
        found = _HEADING.fullmatch(line)
        if found is not None:
            return Heading(len(found[1]), _words(_CLOSING.sub("", found[2] or "")), Span(number, number))
    elif number < len(lines) and lines[number].lstrip(" ").startswith(("=", "-")) and line.strip():
        under = _UNDERLINE.fullmatch(lines[number])
        if under is not None and not _NO_PARAGRAPH.match(line) and not _FENCE.match(line):
            return Heading(1 if under[1][0] == "=" else 2, _words(line), Span(number, number + 1))
    return None


def _block_end(lines: Sequence[str], number: int) -> int:
    """The last line of the block that begins on a line: of the code in a fence, of a comment, else before a blank line or a heading."""
    fence = _FENCE.fullmatch(lines[number - 1])
    if fence is not None and not (fence[1][0] == "`" and "`" in fence[2]):
        for place in range(number, len(lines)):
            closing = lines[place].strip()
            if closing.startswith(fence[1]) and not closing.strip(fence[1][0]):
                return place + 1
        return len(lines)
    if lines[number - 1].lstrip(" ").startswith("<!--"):
        return next((place for place in range(number, len(lines) + 1) if "-->" in lines[place - 1]), len(lines))
    end = number
    while end < len(lines) and lines[end].strip():
        if _FENCE.match(lines[end]) or _heading(lines, end + 1) is not None:
            break
        end += 1
    return end


def _words(heading: str) -> str:
    """A heading as it reads: links by their text, without marks; code as it is."""
    pieces = _LINK.sub(r"\1", heading).split("`")
    return " ".join(
        "".join(_MARKS.sub("", piece) if place % 2 == 0 else piece for place, piece in enumerate(pieces)).split()
    )
