"""Plain text: by paragraphs, about 240 words at a time."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from ckservice.retrieval.chunking.lines import Passage, Span, blocks, packed, paragraph, passages, split_lines


def prose(path: str, text: str) -> Iterator[Passage]:
    """The passages of a text. It has no headings: the name of its file is the title."""
    lines = split_lines(text)
    paragraphs = (part for block in blocks(lines, Span(1, len(lines))) for part in paragraph(lines, block))
    return passages(lines, "", PurePosixPath(path).stem, packed(lines, paragraphs))
