"""Two pipes and an event loop: read and written without ever blocking it."""

import os
import select
import sys
import threading
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context

_READ_BYTES = 64 * 1024


class Pipe:
    """A descriptor to write to: at once where that can't block, else on a thread of its own.

    Once a write has failed (the reader is gone, the disk is full) everything further is swallowed and
    `on_broken` has been called, once, from whichever thread found out.
    """

    def __init__(self, descriptor: int, on_broken: Callable[[OSError], None]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._is_broken = False
        self._jobs: deque[tuple[bytes, Callable[[], None]]] = deque()
        self._has_jobs = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._poll: select.poll | None = None
        if sys.platform != "win32":  # where only sockets can be polled
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)

    def write_some(self, data: bytes) -> int:
        """Write what can be written without waiting; return how many bytes that was.

        A pipe that polls writable takes PIPE_BUF bytes without blocking, though its description is a
        blocking one. (Making it non-blocking would change it for every process that shares it.)
        """
        if self._is_broken:
            return len(data)
        if self._poll is None:
            return 0
        written = 0
        try:
            while written < len(data):
                events = self._poll.poll(0)
                if not events or not events[0][1] & select.POLLOUT:
                    break
                written += os.write(self._descriptor, data[written : written + select.PIPE_BUF])
        except BlockingIOError:
            pass  # somebody who shares the description has made it non-blocking
        except OSError as error:
            self._break(error)
            return len(data)
        return written

    def write_all(self, data: bytes, done: Callable[[], None]) -> None:
        """Write all of it on the writer thread, then call `done` from there."""
        self._jobs.append((data, done))
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_jobs, name="ckservice-writer", daemon=True)
            self._thread.start()
        self._has_jobs.release()

    def _write_jobs(self) -> None:
        while True:
            self._has_jobs.acquire()
            data, done = self._jobs.popleft()
            try:
                self._write_whole(memoryview(data))
            except OSError as error:
                self._break(error)
            with suppress(RuntimeError):  # the event loop closed while this was being written
                done()

    def _write_whole(self, view: memoryview) -> None:
        while view and not self._is_broken:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])

    def _break(self, error: OSError) -> None:
        if not self._is_broken:
            self._is_broken = True
            self._on_broken(error)


class Reader:
    """Feeds what comes in to `on_chunk`, on the event loop; empty bytes are the end of input.

    Where the loop can poll the descriptor it reads it itself, which saves a hop between threads on
    every message. Regular files and Windows pipes can't be polled: there a thread reads, one chunk ahead.
    """

    def __init__(self, descriptor: int, loop: AbstractEventLoop, on_chunk: Callable[[bytes], None]) -> None:
        self._descriptor = descriptor
        self._loop = loop
        self._on_chunk = on_chunk
        self._is_polled = True
        self._is_paused = False
        self._turn = threading.Semaphore(0)
        self._context = copy_context()  # a thread's own would not say which event loop this is

    def start(self) -> None:
        """Begin to read."""
        try:
            self._loop.add_reader(self._descriptor, self._read_when_ready)
            if self._is_paused:  # by what came in before
                self._loop.remove_reader(self._descriptor)
        except (NotImplementedError, OSError):  # Windows; what epoll or kqueue does not take
            self._is_polled = False
            threading.Thread(target=self._read_ahead, name="ckservice-reader", daemon=True).start()

    def pause(self) -> None:
        """Read nothing more until `resume`."""
        if not self._is_paused:
            self._is_paused = True
            if self._is_polled:
                self._loop.remove_reader(self._descriptor)

    def resume(self) -> None:
        """Go on reading."""
        if self._is_paused:
            self._is_paused = False
            if self._is_polled:
                self._loop.add_reader(self._descriptor, self._read_when_ready)
            else:
                self._turn.release()

    def _read_when_ready(self) -> None:
        with suppress(BlockingIOError):  # somebody who shares the description was faster
            chunk = self._read()
            if not chunk:
                self._loop.remove_reader(self._descriptor)
            self._on_chunk(chunk)

    def _read_ahead(self) -> None:
        while True:
            chunk = self._read()
            with suppress(RuntimeError):  # the event loop closed while this was being read
                self._loop.call_soon_threadsafe(self._deliver, chunk, context=self._context)
            if not chunk:
                return
            self._turn.acquire()

    def _deliver(self, chunk: bytes) -> None:
        self._on_chunk(chunk)
        if not self._is_paused:
            self._turn.release()

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            raise
        except OSError:
            return b""  # a reset connection ends input like a closed one
