"""Pieces of a text that are replaced, all at once: the rest of it stays byte for byte."""

import re
from collections.abc import Sequence

from ckservice.context.yaml.spans import Source

_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\n|\r\n?))+")


class Splices:
    """Replacements that are collected, and made at the end; offsets are those of the text as it is."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._splices: list[tuple[int, int, str]] = []
        self._end = (len(source.text), len(source.text), "")

    def replace(self, start: int, end: int, text: str) -> None:
        """Put text in the place of other text. What goes into the same place stands there in the order it came."""
        if text:
            self._splices.append((start, start, text))
        if end > start:
            self._splices.append((start, end, ""))

    def replace_lines(self, start: int, end: int, lines: Sequence[str]) -> None:
        """Put lines, without line breaks, in the place of others; both offsets are those of the start of a line."""
        line_break = self.source.line_break(max(start - 1, 0))
        self.replace(start, end, "".join(line + line_break for line in lines))

    def result(self) -> str | None:
        """The text with everything replaced; `None` where text goes into what is taken out."""
        pieces: list[str] = []
        position = 0
        keeps_blank = False
        for start, end, text in sorted([*self._splices, self._end], key=lambda splice: (splice[0], not splice[2])):
            if text and start < position:
                return None
            rest = self.source.text[position:start]
            if keeps_blank and rest:
                # A new block scalar that keeps its blank lines would keep those of the text too.
                blank = _BLANK_LINES.match(rest)
                rest = rest[blank.end() :] if blank is not None else rest
                keeps_blank = not rest
            if text:
                keeps_blank = text.endswith(("\n\n", "\r\n\r\n", "\r\r"))
            pieces += [rest, text]
            position = max(position, end)
        return "".join(pieces)
