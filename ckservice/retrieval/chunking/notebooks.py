"""Jupyter notebooks: the sources of their cells, as they stand in the file, and nothing of the outputs.

https://nbformat.readthedocs.io/en/latest/format_description.html
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ckservice.retrieval.chunking.lines import Passage, Span, paragraph, passages, split_lines
from ckservice.retrieval.chunking.outline import outline

_SOURCE = re.compile(r'\s*"source":\s*(\[?)(.*)')
_END = re.compile(r"\s*\],?\s*")
_HEADING = re.compile(r'\s*"#{1,6} +(.{1,200}?)(?:\\n)?",?\s*')


def notebook(path: str, text: str) -> Iterator[Passage]:
    """The passages of a notebook, each under the last heading before it; of one that is not written as usual, all of it."""
    lines = split_lines(text)
    cells = list(_cells(lines))
    if not cells:
        yield from outline(path, text)
    title = PurePosixPath(path).stem
    for cell in cells:
        headings = filter(None, (_HEADING.fullmatch(line[:300]) for line in lines[cell.first - 1 : cell.last]))
        title = next((found[1] for found in headings), title)
        yield from passages(lines, "", title, paragraph(lines, cell))


def _cells(lines: list[str]) -> Iterator[Span]:
    first: int | None = None
    for number, line in enumerate(lines, 1):
        if first is not None:
            if _END.fullmatch(line):
                if number > first:
                    yield Span(first, number - 1)
                first = None
        elif line.lstrip().startswith('"source":') and (found := _SOURCE.fullmatch(line)):
            if found[1] and not found[2].strip():
                first = number + 1
            elif not found[1]:
                yield Span(number, number)
