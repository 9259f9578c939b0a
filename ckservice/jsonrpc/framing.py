"""Bytes to lines: split on byte 10, bounded, never quadratic."""

from collections.abc import Iterator
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
HEAD_BYTES = 4096
"""What is looked at of a broken line, and kept of one over the limit, to find its request id in."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line over the limit: how it began, and its length in bytes."""

    head: bytes
    size: int


class LineSplitter:
    """Collects chunks and gives back whole lines, without their line end.

    A line of more than `limit` bytes becomes one `TooLong` when its newline (or the end of input)
    comes; of what is past the limit nothing is kept. Blank lines are passed over, as is a byte order
    mark at the very start.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept = bytearray()
        self._size = 0
        self._head: bytes | None = None
        self._at_start = True

    def feed(self, chunk: bytes) -> Iterator[bytes | TooLong]:
        """Yield the lines that `chunk` completes."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line = self._complete(chunk[start:end])
            if line is not None:
                yield line
            start = end + 1
        if start < len(chunk):
            self._keep(chunk[start:])

    def finish(self) -> Iterator[bytes | TooLong]:
        """Yield the last line if input ended without a newline."""
        line = self._complete(b"")
        if line is not None:
            yield line

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._head is not None:
            return
        self._kept += piece
        if self._size > self.limit:
            self._head = bytes(self._kept[:HEAD_BYTES])
            self._kept = bytearray()

    def _complete(self, piece: bytes) -> bytes | TooLong | None:
        if self._size:
            self._keep(piece)
            piece = bytes(self._kept)
            self._kept = bytearray()
        elif len(piece) > self.limit:
            self._head = piece[:HEAD_BYTES]
        head, self._head = self._head, None
        size, self._size = max(self._size, len(piece)), 0
        if self._at_start:
            self._at_start = False
            piece = piece.removeprefix(_BOM)
            head = head.removeprefix(_BOM) if head is not None else None
        if head is not None:
            return TooLong(head, size)
        return piece if piece.strip() else None
