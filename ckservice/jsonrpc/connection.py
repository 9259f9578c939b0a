"""One host: every request it sends gets exactly one answer, under every load, fault, cancel and shutdown."""

import logging
from asyncio import CancelledError, get_running_loop
from collections.abc import Callable, Coroutine, Iterable, Iterator
from itertools import chain
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
from ckservice.jsonrpc.ledger import MAX_OUTPUT_BYTES, Ledger
from ckservice.jsonrpc.messages import (
    InvalidMessage,
    Message,
    NotificationMessage,
    RequestMessage,
    ResponseMessage,
    is_id,
    parse,
    salvage_id,
)
from ckservice.jsonrpc.method import Handler, invalid_params
from ckservice.jsonrpc.outbox import STOP_READING_BYTES, Outbox
from ckservice.jsonrpc.turns import Turns
from ckservice.logs import CONTEXT

log = logging.getLogger("ckservice.jsonrpc")

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
        ledger: what is owed an answer; every answer goes out through it.
        asking: the way to ask the host something.
    """

    def __init__(self, handlers: Iterable[Handler], outbox: Outbox, hooks: Hooks) -> None:
        self.outbox = outbox
        self.opted_out: frozenset[str] = frozenset()
        self.ledger = Ledger(outbox, hooks.on_answer)
        self.asking = Asking(outbox)
        self._handlers = {handler.request.name: handler for handler in handlers}
        self._hooks = hooks
        self._lines = LineSplitter(hooks.limits.max_line_bytes)
        self._untaken: Iterator[bytes | TooLong] = iter(())
        self._turns = Turns()
        self._is_closing = False
        self._without_params: dict[str, Any] = {}
        self._tasks: TaskGroup = anyio.create_task_group()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self.asking.close()
        for call in self.ledger.in_flight.values():
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
        if self._hooks.on_line is not None:
            self._hooks.on_line(asked)
        self.outbox.note(answered)
        self.ledger.note_early_answer("initialize")

    def end_of_input(self) -> None:
        """Take a last line that has no newline; nobody answers our questions any more."""
        for line in chain(self._untaken, self._lines.finish()):
            self._take_line(line)
        self.asking.close()
        self.outbox.flush()

    def start_soon(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something beside the requests, for as long as the connection lives. It must not raise."""
        self._tasks.start_soon(function)

    def refuse_new_work(self) -> None:
        """Answer `shuttingDown` to whatever comes from now on, but for methods declared `late`."""
        self._is_closing = True

    async def settle(self, grace_seconds: float, *, apart_from: Call | None = None) -> None:
        """Let what runs finish within `grace_seconds`, cancel the rest, answer all of it."""
        self.refuse_new_work()
        with anyio.move_on_after(grace_seconds):
            await self.ledger.idle(apart_from=apart_from)
        for call in self.ledger.others(apart_from):
            call.cancel(SHUTTING_DOWN)
        with anyio.move_on_after(_UNWIND_SECONDS):
            await self.ledger.idle(apart_from=apart_from)
        for call in self.ledger.others(apart_from):
            self.ledger.fail(call, faults.cut_short(call))

    # What comes in

    def _take_lines(self) -> None:
        self.outbox.gather()
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
            self.ledger.refuse(salvage_id(line.head), RpcError(MESSAGE_TOO_LARGE, reason), None)
            return
        message = parse(line)
        if not isinstance(message, list):
            self._take(message, None)
        elif len(message) > MAX_MESSAGES:
            reason = f"A batch may hold at most {MAX_MESSAGES} messages."
            self.ledger.refuse(None, RpcError(MESSAGE_TOO_LARGE, reason), None)
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
                self.ledger.refuse(invalid_id, error, batch)

    def _take_request(self, message: RequestMessage, batch: Batch | None) -> None:
        try:
            handler = self._admit(message)
            params = self._validate(handler, message.params)
        except RpcError as error:
            known = message.method if message.method in self._handlers else ""
            self.ledger.refuse(message.id, error, batch, known)
            return
        call = Call(self, message.id, handler.request, params, batch)
        self.ledger.open(call)
        if handler.inline:
            self._run_inline(call, handler, params)
        else:
            self._start(call, handler, params)

    def _admit(self, message: RequestMessage) -> Handler:
        if message.id in self.ledger.in_flight:
            raise RpcError(DUPLICATE_ID, "A request with this id is still in flight.")
        handler = self._handlers.get(message.method)
        if handler is None or not self._hooks.is_enabled(message.method):
            raise RpcError(METHOD_NOT_FOUND, "There is no such method, or it is disabled.")
        if self._is_closing and not handler.request.late:
            raise RpcError(SHUTTING_DOWN, "ckservice is shutting down and takes no new requests.")
        is_full = len(self.ledger.in_flight) >= self._hooks.limits.max_in_flight
        if is_full and not handler.inline and not handler.request.late:
            reason = f"There are {self._hooks.limits.max_in_flight} requests in flight already; try again in a moment."
            raise RpcError(OVERLOADED, reason, data={"retryAfterMs": _OVERLOADED_RETRY_MS})
        return handler

    def _validate(self, handler: Handler, params: dict[str, Any]) -> Any:
        model = handler.request.params
        if not params and handler.request.name in self._without_params:
            return self._without_params[handler.request.name]
        try:
            validated = model.model_validate(
                params, extra="ignore" if handler.request.tolerant else None, by_name=False
            )
        except ValidationError as error:
            raise invalid_params(handler.request, error) from None
        if not params:
            self._without_params[handler.request.name] = validated  # which is frozen: one serves all
        return validated

    def _cancel(self, call_id: Any) -> None:
        call = self.ledger.in_flight.get(call_id) if is_id(call_id) else None
        if call is not None and call.cancelled_as is None:
            call.cancel(CANCELLED)
            self._give_up_at(anyio.current_time() + _UNWIND_SECONDS, call)

    def _give_up_at(self, time: float, call: Call) -> None:
        """Answer a request then, if its handler has not ended though it was told to."""

        def give_up() -> None:
            if not call.answered:
                self.ledger.fail(call, faults.cut_short(call))

        if call.giving_up is not None:
            call.giving_up.cancel()
        call.giving_up = get_running_loop().call_at(time, give_up)

    # What runs

    def _run_inline(self, call: Call, handler: Handler, params: Any) -> None:
        try:
            result = handler.run(call, params)
            assert isinstance(result, BaseModel)
            self.ledger.respond(call, result)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the host is owed an answer
            self.ledger.fail(call, faults.raised(call, error, self._hooks))

    def _start(self, call: Call, handler: Handler, params: Any) -> None:
        # The scope exists before the task runs: a cancel may stand in the same chunk of input.
        call.scope = scope = anyio.CancelScope()
        if call.timeout_ms is not None:
            scope.deadline = anyio.current_time() + call.timeout_ms / 1000
            self._give_up_at(scope.deadline + _UNWIND_SECONDS, call)
        self._tasks.start_soon(self._run, call, scope, handler, params, name=call.request.name)

    async def _run(self, call: Call, scope: anyio.CancelScope, handler: Handler, params: Any) -> None:
        CONTEXT.set(call.log_context())
        serialize_by = handler.request.serialize_by
        try:
            with scope:
                async with self._turns.take(serialize_by(params) if serialize_by else None):
                    result = await handler.run(call, params)  # type: ignore[misc]  # not inline: a coroutine function
                self.ledger.respond(call, result)
        except (Exception, SystemExit) as error:  # whatever it is, the host is owed an answer
            if scope.cancel_called:
                log.debug("cleaning up after a cancel failed", exc_info=error)
            else:
                self.ledger.fail(call, faults.raised(call, error, self._hooks))
        except CancelledError as error:
            if self._tasks.cancel_scope.cancel_called:
                self.ledger.fail(call, faults.cut_short(call))
                raise
            self.ledger.fail(call, faults.bug(error))  # a library let go of a cancellation of its own
        if not call.answered:
            self.ledger.fail(call, faults.cut_short(call))
