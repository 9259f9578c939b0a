"""Bytes into records: the two framings in which providers stream.

Both are fed chunks, cut anywhere, and give back the records that have become whole.
"""

from typing import NamedTuple, Protocol

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""A provider that sends a longer record is not sending an answer."""

_BOM = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """One record; `event` is empty where the framing or the server gives none."""

    data: bytes
    event: str = ""


class Splitter(Protocol):
    """Cuts a stream of bytes into records."""

    def feed(self, chunk: bytes) -> list[Record]:
        """The records that the chunk completes. An empty chunk is the end of the stream.

        Raises:
            ValueError: a record is longer than `MAX_RECORD_BYTES`.
        """


class ServerSentEvents:
    """`text/event-stream`, https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.

    Comments and fields other than `event` and `data` are passed over, and so are events without data and one
    that the stream's end cuts off.
    """

    def __init__(self) -> None:
        self._rest = _Rest()
        self._is_first = True

    def feed(self, chunk: bytes) -> list[Record]:
        if chunk and b"\n" not in chunk and b"\r" not in chunk and not self._is_first:
            self._rest.add(chunk)
            return []
        buffer = self._rest.take() + chunk
        if self._is_first:
            if chunk and len(buffer) < len(_BOM) and _BOM.startswith(buffer):
                self._rest.add(buffer)
                return []
            self._is_first = False
            buffer = buffer.removeprefix(_BOM)
        if b"\r" in buffer:
            # A CR at the very end may be half of a CRLF: it waits for what comes next.
            held = b"\r" if chunk and buffer.endswith(b"\r") else b""
            buffer = buffer.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        *blocks, rest = buffer.split(b"\n\n")
        self._rest.add(rest)
        records = []
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block and len(block) > 6:  # nearly all there are
                records.append(Record(block[6:]))
            elif (record := _read_block(block)) is not None:
                records.append(record)
        return records


def _read_block(block: bytes) -> Record | None:
    data, event = [], b""
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value
    return Record(b"\n".join(data), event.decode("utf-8", "replace")) if any(data) else None


class Lines:
    """Newline-delimited records; the last one needs no line feed, and blank lines are left out."""

    def __init__(self) -> None:
        self._rest = _Rest()

    def feed(self, chunk: bytes) -> list[Record]:
        if not chunk:
            whole = [self._rest.take()]
        elif b"\n" not in chunk:
            whole = []
            self._rest.add(chunk)
        else:
            *whole, rest = (self._rest.take() + chunk).split(b"\n")
            self._rest.add(rest)
        return [Record(line) for line in whole if line and not line.isspace()]


class _Rest:
    """The beginning of a record, in pieces: joining them once each time more comes would take quadratic time."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        if not piece:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_RECORD_BYTES:
            raise ValueError("a record of the answer is too long")

    def take(self) -> bytes:
        if not self._pieces:
            return b""
        whole = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return whole
