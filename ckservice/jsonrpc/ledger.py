"""The books of a connection: what is owed an answer, and that it gets exactly one."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

import anyio
from pydantic import BaseModel

from ckservice.jsonrpc.batch import Batch
from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.errors import DUPLICATE_ID, MESSAGE_TOO_LARGE, RpcError
from ckservice.jsonrpc.messages import Id, encode_error, encode_result
from ckservice.jsonrpc.outbox import Outbox

log = logging.getLogger("ckservice.jsonrpc")

MAX_OUTPUT_BYTES = 8 * 1024 * 1024
"""No message we send is longer; larger results page."""


class Ledger:
    """Every answer goes out through here.

    Attributes:
        received: requests and broken lines that were owed an answer.
        answered: answers given. At every moment, received = answered + len(in_flight).
        in_flight: requests that have no answer yet, by id.
    """

    def __init__(self, outbox: Outbox, on_answer: Callable[[str, str], None]) -> None:
        self.received = 0
        self.answered = 0
        self.in_flight: dict[Id, Call] = {}
        self._outbox = outbox
        self._on_answer = on_answer
        self._changed: anyio.Event | None = None

    def open(self, call: Call) -> None:
        """Owe a request its answer."""
        self.received += 1
        self.in_flight[call.id] = call

    def note_early_answer(self, method: str) -> None:
        """Take into account a request that was answered before there was a connection."""
        self.received += 1
        self.answered += 1
        self._on_answer(method, "ok")

    def respond(self, call: Call, result: BaseModel) -> None:
        """Answer a request with its result."""
        line = encode_result(call.id, result)
        if len(line) > MAX_OUTPUT_BYTES or (call.batch is not None and not call.batch.fits(line)):
            reason = f"The answer is over {MAX_OUTPUT_BYTES} bytes; ask for less at a time."
            self.fail(call, RpcError(MESSAGE_TOO_LARGE, reason))
        else:
            self._answer(call, line, "ok")

    def fail(self, call: Call, error: RpcError) -> None:
        """Answer a request with an error, unless it has its answer; text it had produced goes with it."""
        if call.answered:
            return
        text = str(call.partial)
        if text and "candidate" not in error.data:
            error.data.setdefault("partial", text)
        log.info("request failed", extra={**call.log_context(), **_log_members(error)})
        line = encode_error(call.id, error)
        if len(line) > MAX_OUTPUT_BYTES or (call.batch is not None and not call.batch.fits(line)):
            line = encode_error(call.id, error.shortened())
        self._answer(call, line, error.kind.name)

    def refuse(self, call_id: Id | None, error: RpcError, batch: Batch | None, method: str = "") -> None:
        """Answer something that never became a call."""
        if call_id in self.in_flight and error.kind is not DUPLICATE_ID:
            call_id = None  # that id will have its answer; this one can't be told apart from it
        log.info("message refused", extra={"requestId": call_id, **_log_members(error)})
        self.received += 1
        line = encode_error(call_id, error)
        if batch is not None and not batch.fits(line):
            line = encode_error(call_id, error.shortened())
        self._write(line, batch)
        self._on_answer(method, error.kind.name)

    async def idle(self, *, apart_from: Call | None = None) -> None:
        """Wait until every request has its answer."""
        while self.others(apart_from):
            self._changed = self._changed or anyio.Event()
            await self._changed.wait()

    def others(self, call: Call | None) -> list[Call]:
        """The requests in flight, apart from those of a call's own method: two must not wait for each other."""
        return [other for other in self.in_flight.values() if call is None or other.request is not call.request]

    def _answer(self, call: Call, line: bytes, outcome: str) -> None:
        if call.answered:
            return
        call.answered = True
        if call.giving_up is not None:
            call.giving_up.cancel()
        del self.in_flight[call.id]
        self._write(line, call.batch)
        self._on_answer(call.request.name, outcome)
        if log.isEnabledFor(logging.DEBUG):
            milliseconds = round((perf_counter() - call.started_at) * 1000, 1)
            log.debug("request answered", extra={"outcome": outcome, "durationMs": milliseconds})
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _write(self, line: bytes, batch: Batch | None) -> None:
        self.answered += 1
        if batch is None:
            self._outbox.send(line)
        else:
            batch.add(line[:-1])


def _log_members(error: RpcError) -> dict[str, Any]:
    return {"kind": error.kind.name, "errorId": error.error_id, "reason": error.message}
