"""One host: every request it sends gets exactly one answer, under every load, fault, cancel and shutdown."""

import logging
import math
from asyncio import CancelledError, get_running_loop
from collections.abc import Iterable, Iterator
from itertools import chain
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup
from pydantic import BaseModel, ValidationError

from ckservice.jsonrpc import faults
from ckservice.jsonrpc.asking import Asking
from ckservice.jsonrpc.batch import MAX_MESSAGES, Batch
from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.errors import (
    CANCELLED,
    DUPLICATE_ID,
    MESSAGE_TOO_LARGE,
    METHOD_NOT_FOUND,
    OVERLOADED,
    SHUTTING_DOWN,
    RpcError,
)
from ckservice.jsonrpc.framing import LineSplitter, TooLong
from ckservice.jsonrpc.hooks import Hooks
from ckservice.jsonrpc.messages import (
    Id,
    InvalidMessage,
    Message,
    NotificationMessage,
    RequestMessage,
    ResponseMessage,
    encode_error,
    encode_result,
    is_id,
    parse,
    salvage_id,
)
from ckservice.jsonrpc.method import Handler, invalid_params
from ckservice.jsonrpc.outbox import STOP_READING_BYTES, Outbox
from ckservice.jsonrpc.turns import Turns
from ckservice.logs import CONTEXT

log = logging.getLogger("ckservice.jsonrpc")

MAX_OUTPUT_BYTES = 8 * 1024 * 1024
"""No message we send is longer; larger results page."""

_CANCEL_NOTIFICATIONS = {
    "$/cancelRequest": "id",
    "notifications/cancelled": "requestId",
    "$/cancel_request": "requestId",
}
"""Spellings of "cancel", and where each names the request: LSP's and ours, MCP's, ACP's."""

_OVERLOADED_RETRY_MS = 250
_UNWIND_SECONDS = 0.25
"""How long a cancelled handler may take to clean up before its request is answered without it."""


class Connection:
    """Dispatch, correlation, cancellation and the way out, for one host.

    Attributes:
        outbox: the way out.
        opted_out: names of notifications that the host does not want.
        received: requests and broken lines that were owed an answer.
        answered: answers given. At every moment, received = answered + len(in_flight).
        asking: the way to ask the host something.
    """

    def __init__(self, handlers: Iterable[Handler], outbox: Outbox, hooks: Hooks) -> None:
        self.outbox = outbox
        self.opted_out: frozenset[str] = frozenset()
        self.received = 0
        self.answered = 0
        self.in_flight: dict[Id, Call] = {}
        self.asking = Asking(outbox)
        self._handlers = {handler.request.name: handler for handler in handlers}
        self._hooks = hooks
        self._lines = LineSplitter(hooks.limits.max_line_bytes)
        self._untaken: Iterator[bytes | TooLong] = iter(())
        self._turns = Turns()
        self._is_closing = False
        self._changed: anyio.Event | None = None
        self._tasks: TaskGroup = anyio.create_task_group()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self.asking.close()
        for call in self.in_flight.values():
            call.cancel(SHUTTING_DOWN)
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, error, trace)

    def feed(self, chunk: bytes) -> None:
        """Take what the host has written, however it is cut."""
        self._lines.limit = self._hooks.limits.max_line_bytes
        self._untaken = chain(self._untaken, self._lines.feed(chunk))
        self._take_lines()

    def take_early_answer(self, asked: bytes, answered: bytes) -> None:
        """Take into account an `initialize` that was answered before there was a connection."""
        self.received += 1
        self.answered += 1
        if self._hooks.on_line is not None:
            self._hooks.on_line(asked)
        self.outbox.note(answered)
        self._hooks.on_answer("initialize", "ok")

    def end_of_input(self) -> None:
        """Take a last line that has no newline; nobody answers our questions any more."""
        for line in chain(self._untaken, self._lines.finish()):
            self._take_line(line)
        self.asking.close()
        self.outbox.flush()

    def refuse_new_work(self) -> None:
        """Answer `shuttingDown` to whatever comes from now on, but for methods declared `late`."""
        self._is_closing = True

    async def idle(self, *, apart_from: Call | None = None) -> None:
        """Wait until every request has its answer."""
        while any(not _is_like(call, apart_from) for call in self.in_flight.values()):
            self._changed = self._changed or anyio.Event()
            await self._changed.wait()

    async def settle(self, grace_seconds: float, *, apart_from: Call | None = None) -> None:
        """Let what runs finish within `grace_seconds`, cancel the rest, answer all of it."""
        self.refuse_new_work()
        with anyio.move_on_after(grace_seconds):
            await self.idle(apart_from=apart_from)
        for call in self.in_flight.values():
            if not _is_like(call, apart_from):
                call.cancel(SHUTTING_DOWN)
        with anyio.move_on_after(_UNWIND_SECONDS):
            await self.idle(apart_from=apart_from)
        for call in [call for call in self.in_flight.values() if not _is_like(call, apart_from)]:
            self._fail(call, RpcError(SHUTTING_DOWN, "ckservice is shutting down; the request was not finished."))

    # What comes in

    def _take_lines(self) -> None:
        for line in self._untaken:
            self._take_line(line)
            if self.outbox.unsent > STOP_READING_BYTES:  # one chunk can ask for far more than that
                self.outbox.call_below_pause(self._take_lines)
                break
        self.outbox.flush()

    def _take_line(self, line: bytes | TooLong) -> None:
        if self._hooks.on_line is not None:
            self._hooks.on_line(line)
        if isinstance(line, TooLong):
            reason = f"A line may be at most {self._hooks.limits.max_line_bytes} bytes long."
            self._refuse(salvage_id(line.head), RpcError(MESSAGE_TOO_LARGE, reason), None)
            return
        message = parse(line)
        if not isinstance(message, list):
            self._take(message, None)
        elif len(message) > MAX_MESSAGES:
            reason = f"A batch may hold at most {MAX_MESSAGES} messages."
            self._refuse(None, RpcError(MESSAGE_TOO_LARGE, reason), None)
        else:
            owed = sum(isinstance(item, RequestMessage | InvalidMessage) for item in message)
            batch = Batch(owed, MAX_OUTPUT_BYTES, self.outbox.send)
            for item in message:
                self._take(item, batch)

    def _take(self, message: Message, batch: Batch | None) -> None:
        match message:
            case RequestMessage():
                self._take_request(message, batch)
            case NotificationMessage(method, params) if member := _CANCEL_NOTIFICATIONS.get(method):
                self._cancel(params.get(member))
            case NotificationMessage(method):
                if action := self._hooks.on_notification.get(method):
                    action()
            case ResponseMessage(answered_id, result, error):
                self.asking.take_answer(answered_id, result, error)
            case InvalidMessage(invalid_id, error):
                self._refuse(invalid_id, error, batch)

    def _take_request(self, message: RequestMessage, batch: Batch | None) -> None:
        try:
            handler = self._admit(message)
            params = self._validate(handler, message.params)
        except RpcError as error:
            self._refuse(message.id, error, batch, message.method)
            return
        call = Call(self, message.id, handler.request, params, batch)
        self.received += 1
        self.in_flight[message.id] = call
        if handler.inline:
            self._run_inline(call, handler, params)
        else:
            if call.scope.deadline != math.inf:
                self._give_up_at(call.scope.deadline + _UNWIND_SECONDS, call)
            self._tasks.start_soon(self._run, call, handler, params, name=message.method)

    def _admit(self, message: RequestMessage) -> Handler:
        if message.id in self.in_flight:
            raise RpcError(DUPLICATE_ID, "A request with this id is still in flight.")
        handler = self._handlers.get(message.method)
        if handler is None or not self._hooks.is_enabled(message.method):
            raise RpcError(METHOD_NOT_FOUND, "There is no such method, or it is disabled.")
        if self._is_closing and not handler.request.late:
            raise RpcError(SHUTTING_DOWN, "ckservice is shutting down and takes no new requests.")
        is_full = len(self.in_flight) >= self._hooks.limits.max_in_flight
        if is_full and not handler.inline and not handler.request.late:
            reason = f"There are {self._hooks.limits.max_in_flight} requests in flight already; try again in a moment."
            raise RpcError(OVERLOADED, reason, data={"retryAfterMs": _OVERLOADED_RETRY_MS})
        return handler

    def _validate(self, handler: Handler, params: dict[str, Any]) -> Any:
        model = handler.request.params
        try:
            return model.model_validate(params, extra="ignore" if handler.request.tolerant else None, by_name=False)
        except ValidationError as error:
            raise invalid_params(handler.request, error) from None

    def _cancel(self, call_id: Any) -> None:
        call = self.in_flight.get(call_id) if is_id(call_id) else None
        if call is not None and call.cancelled_as is None:
            call.cancel(CANCELLED)
            self._give_up_at(anyio.current_time() + _UNWIND_SECONDS, call)

    def _give_up_at(self, time: float, call: Call) -> None:
        """Answer a request then, if its handler has not ended though it was told to."""

        def give_up() -> None:
            if not call.answered:
                self._fail(call, faults.cut_short(call))

        if call.giving_up is not None:
            call.giving_up.cancel()
        call.giving_up = get_running_loop().call_at(time, give_up)

    # What runs

    def _run_inline(self, call: Call, handler: Handler, params: Any) -> None:
        try:
            result = handler.run(call, params)
            assert isinstance(result, BaseModel)
            self._respond(call, result)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the host is owed an answer
            self._fail(call, faults.raised(call, error, self._hooks))

    async def _run(self, call: Call, handler: Handler, params: Any) -> None:
        CONTEXT.set(_log_context(call))
        serialize_by = handler.request.serialize_by
        try:
            with call.scope:
                async with self._turns.take(serialize_by(params) if serialize_by else None):
                    result = await handler.run(call, params)  # type: ignore[misc]  # not inline: a coroutine function
                self._respond(call, result)
        except (Exception, SystemExit) as error:  # whatever it is, the host is owed an answer
            if call.scope.cancel_called:
                log.debug("cleaning up after a cancel failed", exc_info=error)
            else:
                self._fail(call, faults.raised(call, error, self._hooks))
        except CancelledError as error:
            if self._tasks.cancel_scope.cancel_called:
                self._fail(call, faults.cut_short(call))
                raise
            self._fail(call, faults.bug(error))  # a library let go of a cancellation of its own
        if not call.answered:
            self._fail(call, faults.cut_short(call))

    # What goes out

    def _respond(self, call: Call, result: BaseModel) -> None:
        line = encode_result(call.id, result)
        if len(line) > MAX_OUTPUT_BYTES or (call.batch is not None and not call.batch.fits(line)):
            reason = f"The answer is over {MAX_OUTPUT_BYTES} bytes; ask for less at a time."
            self._fail(call, RpcError(MESSAGE_TOO_LARGE, reason))
        else:
            self._answer(call, line, "ok")

    def _fail(self, call: Call, error: RpcError) -> None:
        if call.answered:
            return
        text = str(call.partial)
        if text and "candidate" not in error.data:
            error.data.setdefault("partial", text)
        log.info("request failed", extra={**_log_context(call), **_log_members(error)})
        line = encode_error(call.id, error)
        if len(line) > MAX_OUTPUT_BYTES or (call.batch is not None and not call.batch.fits(line)):
            line = encode_error(call.id, error.shortened())
        self._answer(call, line, error.kind.name)

    def _answer(self, call: Call, line: bytes, outcome: str) -> None:
        if call.answered:
            return
        call.answered = True
        if call.giving_up is not None:
            call.giving_up.cancel()
        del self.in_flight[call.id]
        self._write(line, call.batch)
        self._hooks.on_answer(call.request.name, outcome)
        if log.isEnabledFor(logging.DEBUG):
            milliseconds = round((perf_counter() - call.started_at) * 1000, 1)
            log.debug("request answered", extra={"outcome": outcome, "durationMs": milliseconds})
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _refuse(self, call_id: Id | None, error: RpcError, batch: Batch | None, method: str = "") -> None:
        """Answer something that never became a call."""
        if call_id in self.in_flight and error.kind is not DUPLICATE_ID:
            call_id = None  # that id will have its answer; this one can't be told apart from it
        log.info("message refused", extra={"requestId": call_id, **_log_members(error)})
        self.received += 1
        line = encode_error(call_id, error)
        if batch is not None and not batch.fits(line):
            line = encode_error(call_id, error.shortened())
        self._write(line, batch)
        self._hooks.on_answer(method if method in self._handlers else "", error.kind.name)

    def _write(self, line: bytes, batch: Batch | None) -> None:
        self.answered += 1
        if batch is None:
            self.outbox.send(line)
        else:
            batch.add(line[:-1])


def _is_like(call: Call, other: Call | None) -> bool:
    """Whether two calls are of one method: two that wait for all others must not wait for each other."""
    return other is not None and call.request is other.request


def _log_context(call: Call) -> dict[str, Any]:
    context: dict[str, Any] = {"requestId": call.id, "method": call.request.name}
    if call.traceparent is not None:
        context["traceparent"] = call.traceparent
    return context


def _log_members(error: RpcError) -> dict[str, Any]:
    return {"kind": error.kind.name, "errorId": error.error_id, "reason": error.message}
