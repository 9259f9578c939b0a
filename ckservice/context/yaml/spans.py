"""Where the parts of a YAML text begin and end: lines, gaps, entries of collections and the comments about them."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ckservice.context.yaml.nodes import BREAK, Node

_GAP = re.compile("(?:[ \t\r\n\x85\u2028\u2029]|#[^\r\n\x85\u2028\u2029]*)*")
_PROPERTY = re.compile("[&!][^ \t\r\n\x85\u2028\u2029]*")
_COMMENT_LINE = re.compile("([ \t]*)#")


@dataclass(slots=True)
class Entry:
    """An item of a list, or a key with its value.

    Attributes:
        start: offset of its first character: of the dash, the `?`, the key.
        mark: offset behind its dash or colon; `None` where it has neither.
        end: offset behind its last character.
        name: the node of the key; `None` for an item.
        value: its node.
    """

    start: int
    mark: int | None
    end: int
    name: Node | None
    value: Node


class Source:
    """A text that is to be changed in places."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in BREAK.finditer(text))]

    def line_start(self, offset: int) -> int:
        """Offset of the first character on the line of an offset."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Offset behind the line of an offset and its line break."""
        after = bisect_right(self._starts, offset)
        return self._starts[after] if after < len(self._starts) else len(self.text)

    def column(self, offset: int) -> int:
        """Characters before an offset on its line."""
        return offset - self.line_start(offset)

    def line(self, offset: int) -> str:
        """The line of an offset, with its line break."""
        return self.text[self.line_start(offset) : self.line_end(offset)]

    def is_first_on_line(self, offset: int) -> bool:
        """Whether only spaces stand before an offset on its line."""
        return not self.text[self.line_start(offset) : offset].strip(" \t")

    def is_blank(self, offset: int) -> bool:
        """Whether nothing stands on the line of an offset."""
        return not self.line(offset).strip()

    def line_break(self, offset: int) -> str:
        """The line break that is used around an offset."""
        for line in (self.line(offset), self.line(max(self.line_start(offset) - 1, 0)), self.line(0)):
            if line.endswith("\n"):
                return "\r\n" if line.endswith("\r\n") else "\n"
            if line.endswith("\r"):
                return "\r"
        return "\n"

    def skip(self, offset: int) -> int:
        """Offset of what follows an offset, behind spaces, line breaks and comments."""
        found = _GAP.match(self.text, offset)
        return found.end() if found is not None else offset

    def content_start(self, node: Node) -> int:
        """Offset of a node behind its tag and anchor."""
        offset = node.start
        for _ in range((node.tag is not None) + (node.anchor is not None)):
            found = _PROPERTY.match(self.text, offset)
            offset = min(self.skip(found.end()), max(node.end, found.end())) if found is not None else offset
        return offset

    def entries(self, node: Node) -> list[Entry]:
        """The entries of a collection."""
        position = self.content_start(node)
        if node.style == "flow" and self.text[position] in "[{":
            position += 1
        entries: list[Entry] = []
        for child in node.value:
            start = self.skip(position)
            if node.style == "flow" and self.text[start] == ",":
                start = self.skip(start + 1)
            name, value = child if isinstance(child, tuple) else (None, child)
            mark = self._mark(start, name, node)
            end = value.end if value.end > value.start else max(mark or 0, name.end if name is not None else value.end)
            entries.append(Entry(start, mark, end, name, value))
            position = end
        return entries

    def _mark(self, start: int, name: Node | None, holder: Node) -> int | None:
        if name is None:
            return start + 1 if holder.style == "block" else None
        colon = self.skip(name.end)
        return colon + 1 if self.text[colon : colon + 1] == ":" else None

    def extent(self, entries: Sequence[Entry], place: int) -> tuple[int, int]:
        """The lines of an entry of a block, with those of the comments that are about it.

        These are comments behind it that are further in, and comments above it that stand in its column, without a blank
        line between. The latter are taken for the heading of several entries, and not for its own, if they stand apart
        from what is before them and the next entry follows directly.
        """
        entry = entries[place]
        column = self.column(entry.start)
        end = self.line_end(entry.end)
        while end < len(self.text) and (found := _COMMENT_LINE.match(self.text, end)) and len(found[1]) > column:
            end = self.line_end(end)
        start = self.line_start(entry.start)
        # What stands above belongs to an entry around, or ends one before.
        floor = self.line_end(entries[place - 1].end) if place else 0
        above = start
        while above > floor:
            found = _COMMENT_LINE.match(self.text, self.line_start(above - 1))
            if found is None or len(found[1]) != column:
                break
            above = self.line_start(above - 1)
        apart = place == 0 or above == 0 or self.is_blank(above - 1)
        followed = place + 1 < len(entries) and self.line_start(entries[place + 1].start) == end
        return (start if apart and (followed or above == 0) else above), end
