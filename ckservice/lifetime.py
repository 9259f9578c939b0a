"""From the first answer to the last: the event loop, and the ways it can end.

The end is asked for by the end of input, `exit`, a signal, the death of the host or a closed stdout.
Later reasons can only make it sooner. Whatever the reason, each request in flight is answered.
"""

import _thread
import asyncio
import gc
import logging
import math
import os
import time
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, NamedTuple, NoReturn

import anyio

from ckservice import logs
from ckservice.app import CurrentLimits, Service, create_service
from ckservice.handlers import handlers
from ckservice.handshake import Handshake
from ckservice.jsonrpc.connection import Connection
from ckservice.jsonrpc.hooks import Hooks
from ckservice.jsonrpc.method import Handler
from ckservice.jsonrpc.outbox import STOP_READING_BYTES, Outbox
from ckservice.jsonrpc.stdio import Pipe, Reader
from ckservice.parent import watch
from ckservice.process import CRASH_REASON, EXIT_CONFIGURATION, EXIT_CRASH, Ending, Options, fail, leave
from ckservice.protocol.errors import translate
from ckservice.protocol.service import InitializeParams
from ckservice.record import Recorder
from ckservice.settings import SettingsStack

log = logging.getLogger("ckservice")

_DRAIN_SECONDS = 10
_EXIT_FLUSH_SECONDS = 2
_SIGNAL_GRACE_SECONDS = 1.0
_SIGNAL_LIMIT_SECONDS = 1.9
_GONE_LIMIT_SECONDS = 0.9
_LOG_DRAIN_SECONDS = 0.2


class Start(NamedTuple):
    """What the event loop starts from: the wire, what was read and not answered, and the handshake if it was."""

    options: Options
    ending: Ending
    source: int
    target: int
    first: bytes
    handshake: Handshake | None
    more_handlers: Callable[[Service], Iterable[Handler]]


def run(start: Start) -> NoReturn:
    """Run the event loop until the host is done with us, then end the process."""
    log_handler = logs.configure(start.options.settings.get("logLevel", "info"), start.options.log_format)
    try:
        # Not asyncio.run: anyio would not know its event loop in callbacks, once an SDK has brought sniffio along.
        anyio.run(_serve, start, log_handler)
    except (Exception, SystemExit) as error:  # a bug: say so the way hosts expect it, without a bare traceback
        log.critical("crashed", exc_info=error)
    _crash(log_handler)


def _crash(log_handler: logs.StderrHandler) -> NoReturn:
    log_handler.drain(_LOG_DRAIN_SECONDS)
    fail(EXIT_CRASH, CRASH_REASON)


async def _serve(start: Start, log_handler: logs.StderrHandler) -> NoReturn:
    end = _End()
    _heed(start.ending, end, log_handler)
    recorder = _open_recorder(start.options.record)
    tap = recorder.sent if recorder is not None else None
    outbox = Outbox(Pipe(start.target, end.on_broken_output), asyncio.get_running_loop(), tap)
    service = create_service(
        SettingsStack(start.options.settings),
        start.options.data_directory,
        watch_process=lambda pid: watch(pid, start.ending.on_host_gone),
        endpoints=start.options.endpoints,
        keys=start.options.keys,
    )
    hooks = Hooks(
        CurrentLimits(lambda: service.settings.current),
        translate=translate,
        is_enabled=service.is_enabled,
        on_notification={"exit": end.on_exit},
        on_answer=service.metrics.count_answer,
        on_line=recorder.received if recorder is not None else None,
        strict=start.options.strict,
    )
    async with Connection([*handlers(service), *start.more_handlers(service)], outbox, hooks) as connection:
        end.on_asked = connection.refuse_new_work
        _Input(start, service, connection, end).start()
        gc.freeze()  # what start-up made stays: later collections need not look at it
        await end.asked_for.wait()
        with end.draining:
            await connection.ledger.idle()
        await connection.settle(0)
        with end.flushing:
            await outbox.flushed()
        log_handler.drain(_LOG_DRAIN_SECONDS)
        # Not by leaving the block: a handler that hangs must not hold the process.
        leave()


class _End:
    """How soon the process ends, once something has asked for it."""

    def __init__(self) -> None:
        self.asked_for = anyio.Event()
        self.on_asked: Callable[[], None] = lambda: None
        self.draining = anyio.CancelScope()
        self.flushing = anyio.CancelScope()
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()

    def ask(self, reason: str, *, drain_seconds: float, flush_seconds: float) -> None:
        """End within a time; a later reason can only shorten it."""
        now = anyio.current_time()
        self.draining.deadline = min(self.draining.deadline, now + drain_seconds)
        self.flushing.deadline = min(self.flushing.deadline, now + drain_seconds + flush_seconds)
        if not self.asked_for.is_set():
            log.debug("ending", extra={"reason": reason})
            self.asked_for.set()
            self.on_asked()

    def on_exit(self) -> None:
        """The host has said `exit`."""
        self.ask("exit", drain_seconds=0, flush_seconds=_EXIT_FLUSH_SECONDS)

    def on_broken_output(self, _error: OSError) -> None:
        """Nobody reads any more. Called from any thread."""
        self._soon("stdout was closed", drain_seconds=0, flush_seconds=0)

    def on_signal(self) -> None:
        """The first signal. The next one ends the process at once."""
        _end_by_force_after(_SIGNAL_LIMIT_SECONDS)
        self._soon("signal", drain_seconds=_SIGNAL_GRACE_SECONDS, flush_seconds=0.3)

    def on_host_gone(self) -> None:
        """The host has died. Called from the thread that watches it."""
        _end_by_force_after(_GONE_LIMIT_SECONDS)
        self._soon("the host has ended", drain_seconds=0, flush_seconds=0)

    def _soon(self, reason: str, *, drain_seconds: float, flush_seconds: float) -> None:
        ask = partial(self.ask, reason, drain_seconds=drain_seconds, flush_seconds=flush_seconds)
        self._loop.call_soon_threadsafe(ask, context=self._context)


def _heed(ending: Ending, end: _End, log_handler: logs.StderrHandler) -> None:
    """From now on end gently when the host dies, a signal comes or the event loop meets a bug."""

    def on_first_signal() -> None:
        ending.signalled = leave
        end.on_signal()

    def on_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.error(context["message"], exc_info=context.get("exception"))
        if "handle" in context:  # a callback of ours: whatever it was to do has not been done
            _crash(log_handler)

    ending.signalled = on_first_signal
    ending.host_gone = end.on_host_gone
    if ending.is_postponed:
        on_first_signal()
    asyncio.get_running_loop().set_exception_handler(on_loop_error)


def _end_by_force_after(seconds: float) -> None:
    """For an event loop that is stuck: exit from another thread."""

    def wait() -> None:
        time.sleep(seconds)
        leave()

    _thread.start_new_thread(wait, ())  # `threading` takes locks, which a signal may find taken


def _open_recorder(path: str | None) -> Recorder | None:
    if path is None:
        return None
    try:
        return Recorder(path)
    except OSError as error:
        fail(EXIT_CONFIGURATION, f"The recording {path} can't be written: {os.strerror(error.errno or 0)}.")


class _Input:
    """What the host writes, on its way to the connection; from the bytes read first to the end of input."""

    def __init__(self, start: Start, service: Service, connection: Connection, end: _End) -> None:
        self._start = start
        self._service = service
        self._connection = connection
        self._end = end
        self._reader = Reader(start.source, asyncio.get_running_loop(), self._take)

    def start(self) -> None:
        """Take what has been read already, then read on."""
        first, handshake = self._start.first, self._start.handshake
        if handshake is not None:
            client = InitializeParams.model_validate(handshake.params, extra="ignore")
            self._connection.take_early_answer(handshake.asked, handshake.answered)
            self._service.begin_session(self._connection, client)
            first = first[len(handshake.asked) :]
        if first:
            self._take(first)
        self._reader.start()

    def _take(self, chunk: bytes) -> None:
        if not chunk:
            self._connection.end_of_input()
            seconds = self._drain_seconds()
            self._end.ask("end of input", drain_seconds=seconds, flush_seconds=seconds)
            return
        self._connection.feed(chunk)
        if self._connection.outbox.unsent > STOP_READING_BYTES:
            self._reader.pause()
            self._connection.outbox.call_below_pause(self._reader.resume)

    def _drain_seconds(self) -> float:
        if self._start.options.drain_timeout is not None:
            return self._start.options.drain_timeout
        return _DRAIN_SECONDS if self._service.is_initialized else math.inf
