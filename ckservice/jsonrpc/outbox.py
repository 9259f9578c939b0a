"""Messages on their way to the host, in order, however slowly it reads.

A message goes straight to the descriptor while that takes it. When it does not, messages wait: text of
one request that waits at the end of its stream is merged into fewer, longer notifications, and above
`PAUSE_BYTES` of unsent output the producers are paused. Nothing is dropped, nothing overtakes.
"""

from asyncio import AbstractEventLoop, Event
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from time import perf_counter
from typing import Protocol

from ckservice.text import Text

PAUSE_BYTES = 1024 * 1024
"""Unsent output above which producers wait."""

STOP_READING_BYTES = 64 * 1024 * 1024
"""Unsent output above which nothing more is read: a host that asks and never reads."""

_CHUNK_BYTES = 256 * 1024
"""At most this much is handed over for one blocking write, so that text goes on merging behind it."""

_BUFFER_BYTES = 16 * 1024
"""Messages that follow each other closely are written together up to this size."""

_CLOSELY_SECONDS = 100e-6

Tap = Callable[[bytes], None]


class Sink(Protocol):
    """Where bytes go. `stdio.Pipe` is one."""

    def write_some(self, data: bytes) -> int:
        """Write what can be written without waiting; return how many bytes that was."""

    def write_all(self, data: bytes, done: Callable[[], None]) -> None:
        """Write all of it in the background, then call `done` from another thread."""


class TextRun:
    """Text of one stream that waits to be sent; it becomes one notification when its turn comes."""

    __slots__ = ("chars", "encode", "is_waiting", "text")

    def __init__(self, encode: Callable[[str], bytes]) -> None:
        self.encode = encode
        self.text = Text()
        self.chars = 0
        self.is_waiting = True

    def take(self) -> bytes:
        """Encode what has gathered; nothing may be added any more."""
        self.is_waiting = False
        return self.encode(str(self.text))


class Outbox:
    """The one way out. Everything here happens on the event loop's thread."""

    def __init__(self, sink: Sink, loop: AbstractEventLoop, tap: Tap | None = None) -> None:
        self._sink = sink
        self._loop = loop
        self._context = copy_context()
        self._tap = tap
        self._waiting: deque[bytes | TextRun] = deque()
        self._unsent = 0
        self._writing = 0
        self._flush_is_scheduled = False
        self._flushed_at = 0.0
        self._resume: deque[Callable[[], None]] = deque()
        self._below_pause = Event()
        self._below_pause.set()
        self._empty = Event()
        self._empty.set()

    @property
    def unsent(self) -> int:
        """Bytes (of waiting text: characters) that the host has not been given yet."""
        return self._unsent

    @property
    def is_stalled(self) -> bool:
        """Whether the descriptor takes no more at present, so that text had better be merged."""
        return self._writing > 0

    def note(self, message: bytes) -> None:
        """Take into account a line that was written before there was an outbox."""
        if self._tap is not None:
            self._tap(message)

    def send(self, message: bytes) -> None:
        """Queue one whole line."""
        self._waiting.append(message)
        self._grow(len(message))
        self._flush_soon()

    def start_text(self, encode: Callable[[str], bytes]) -> TextRun:
        """Queue a notification whose text may still grow while it waits."""
        run = TextRun(encode)
        self._waiting.append(run)
        return run

    def add_text(self, run: TextRun, text: str) -> None:
        """Let a waiting notification grow."""
        run.text.add(text)
        run.chars += len(text)
        self._grow(len(text))

    async def below_pause(self) -> None:
        """Wait until the host has read enough for more to be produced."""
        await self._below_pause.wait()

    def call_below_pause(self, resume: Callable[[], None]) -> None:
        """Call `resume` once the host has read enough, after all that have asked before.

        One that asks again from within, because that was much again, keeps its place before the others.
        """
        self._resume.append(resume)

    async def flushed(self) -> None:
        """Wait until everything is written."""
        self.flush()
        await self._empty.wait()

    def gather(self) -> None:
        """Have small messages wait for a `flush`, which the caller is going to ask for."""
        self._flush_is_scheduled = True

    def flush(self) -> None:
        """Write what waits, as far as the descriptor takes it."""
        self._flush_is_scheduled = False
        self._flushed_at = perf_counter()
        while self._waiting and not self._writing:
            chunk = self._next_chunk()
            written = self._sink.write_some(chunk)
            self._shrink(written)
            if written < len(chunk):
                self._writing = len(chunk) - written
                self._sink.write_all(chunk[written:], self._written_in_background)

    def _flush_soon(self) -> None:
        if self._writing or (self._flush_is_scheduled and self._unsent < _BUFFER_BYTES):
            return
        if self._unsent >= _BUFFER_BYTES or perf_counter() - self._flushed_at > _CLOSELY_SECONDS:
            self.flush()
        else:
            self._flush_is_scheduled = True
            self._loop.call_soon(self.flush)

    def _next_chunk(self) -> bytes:
        lines: list[bytes] = []
        size = 0
        while self._waiting and size < _CHUNK_BYTES:
            item = self._waiting.popleft()
            if isinstance(item, TextRun):
                line = item.take()
                self._grow(len(line) - item.chars)
            else:
                line = item
            if self._tap is not None:
                self._tap(line)
            lines.append(line)
            size += len(line)
        return b"".join(lines)

    def _written_in_background(self) -> None:
        self._loop.call_soon_threadsafe(self._finish_background_write, context=self._context)

    def _finish_background_write(self) -> None:
        self._shrink(self._writing)
        self._writing = 0
        self.flush()

    def _call_resume(self) -> None:
        while self._resume and self._unsent <= PAUSE_BYTES // 2:
            resume = self._resume.popleft()
            others, self._resume = self._resume, deque()
            resume()
            self._resume += others

    def _grow(self, size: int) -> None:
        self._unsent += size
        self._empty.clear()
        if self._unsent > PAUSE_BYTES:
            self._below_pause.clear()

    def _shrink(self, size: int) -> None:
        self._unsent -= size
        if self._unsent <= PAUSE_BYTES // 2:
            self._below_pause.set()
            if self._resume:
                self._loop.call_soon(self._call_resume)  # not from within a write: it may send
        if self._unsent == 0:
            self._empty.set()
