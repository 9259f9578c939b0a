"""One request in flight, as its handler sees it."""

from asyncio import TimerHandle, sleep
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import BaseModel

from ckservice.jsonrpc.errors import ErrorKind
from ckservice.jsonrpc.messages import Id, encode, encode_notification, encode_text
from ckservice.jsonrpc.method import Notification, Request
from ckservice.jsonrpc.outbox import PAUSE_BYTES, TextRun
from ckservice.text import Text

if TYPE_CHECKING:
    from ckservice.jsonrpc.batch import Batch
    from ckservice.jsonrpc.connection import Connection

_SENDS_PER_TURN = 64
"""After this many pieces of text a handler lets the event loop read: a cancel must be seen."""


class _TextStream:
    """The text of one kind that a request streams: how its notifications look, how many pieces there were.

    They are encoded by template: a model would cost five times as much for each token.
    """

    __slots__ = ("count", "head", "index", "run", "text")

    def __init__(self, notification: Notification[Any], call_id: Id) -> None:
        self.count = 0
        self.run: TextRun | None = None
        self.head = (
            f'{{"jsonrpc":"2.0","method":"{notification.name}","params":{{"requestId":{encode(call_id).decode()},"seq":'
        )
        self.text = f',"{notification.text}":'
        self.index = f',"{notification.index}":' if notification.index is not None else ""

    def encode(self, seq: int, count: int, text: str) -> bytes:
        """The notification that is the request's `seq`th, with text that `count` pieces came before."""
        index = f"{self.index}{count}" if self.index else ""
        return f"{self.head}{seq}{self.text}{encode_text(text)}{index}}}}}\n".encode("ascii")


class Call:
    """One request in flight: tell the host what happens, notice a cancel, reach the connection.

    Attributes:
        id: the id the host gave it.
        request: the declaration of its method.
        connection: who it came from.
        partial: the text produced so far; a cancelled or interrupted request answers with it.
        scope: cancelling it ends the handler at its next `await`; inline handlers have none.
        giving_up: the timer that answers the request if the handler does not end even so.
        timeout_ms: the deadline that the host gave, counted from the arrival.
        traceparent: the W3C trace context that the host gave.
    """

    __slots__ = (
        "_is_streaming",
        "_sends",
        "_seq",
        "_texts",
        "answered",
        "batch",
        "cancelled_as",
        "connection",
        "giving_up",
        "id",
        "partial",
        "request",
        "scope",
        "started_at",
        "timeout_ms",
        "traceparent",
    )

    def __init__(
        self, connection: "Connection", call_id: Id, request: Request[Any, Any], params: Any, batch: "Batch | None"
    ) -> None:
        self.connection = connection
        self.id = call_id
        self.request = request
        self.batch = batch
        self.answered = False
        self.cancelled_as: ErrorKind | None = None
        self.partial = Text()
        self.started_at = perf_counter()
        self.giving_up: TimerHandle | None = None
        self.traceparent: str | None = params.meta.traceparent if params.meta is not None else None
        self.timeout_ms: int | None = params.meta.timeout_ms if params.meta is not None else None
        self.scope: anyio.CancelScope | None = None
        self._is_streaming = bool(request.emits) and getattr(params, "stream", True)
        self._seq = -1
        self._sends = 0
        self._texts: dict[str, _TextStream] = {}

    def cancel(self, kind: ErrorKind) -> None:
        """End the handler; the request will be answered with `kind`."""
        if self.cancelled_as is None:
            self.cancelled_as = kind
            if self.scope is not None:
                self.scope.cancel()

    def log_context(self) -> dict[str, Any]:
        """The members that log records of this request have."""
        context: dict[str, Any] = {"requestId": self.id, "method": self.request.name}
        if self.traceparent is not None:
            context["traceparent"] = self.traceparent
        return context

    async def send(self, notification: Notification[Any], **members: Any) -> None:
        """Tell the host something that belongs to this request. Waits while the host reads too slowly."""
        if self._wants(notification):
            params: BaseModel = notification.params(request_id=self.id, seq=self._next_seq(), **members)
            for text in self._texts.values():
                text.run = None  # text that comes later must not overtake this
            self.connection.outbox.send(encode_notification(notification.name, params))
            await self._breathe()

    async def send_text(self, notification: Notification[Any], text: str) -> None:
        """Stream a piece of text. Waits while the host reads too slowly."""
        if notification.index is not None:
            self.partial.add(text)
        if self._wants(notification):
            self._queue_text(notification, text)
            await self._breathe()

    def _queue_text(self, notification: Notification[Any], text: str) -> None:
        outbox = self.connection.outbox
        stream = self._texts.get(notification.name)
        if stream is None:
            stream = self._texts[notification.name] = _TextStream(notification, self.id)
        if not outbox.is_stalled:
            outbox.send(stream.encode(self._next_seq(), stream.count, text))
        else:
            if stream.run is None or not stream.run.is_waiting:
                for other in self._texts.values():
                    other.run = None
                stream.run = outbox.start_text(partial(stream.encode, self._next_seq(), stream.count))
            outbox.add_text(stream.run, text)
        stream.count += 1

    def _wants(self, notification: Notification[Any]) -> bool:
        if notification not in self.request.emits:
            raise LookupError(f"{self.request.name} does not declare that it emits {notification.name}")
        return self._is_streaming and not self.answered and notification.name not in self.connection.opted_out

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    async def _breathe(self) -> None:
        self._sends += 1
        if self.connection.outbox.unsent > PAUSE_BYTES:
            await self.connection.outbox.below_pause()
        elif self._sends % _SENDS_PER_TURN == 0:
            await sleep(0)
