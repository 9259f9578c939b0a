"""Reading what a provider answers: a stream into events, with a bound on every silence, or one JSON value."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import anyio
import anyio.lowlevel
import orjson

from ckservice import errors
from ckservice.llm.failures import not_the_api, title, too_slow, unreachable
from ckservice.llm.framing import Record, Splitter
from ckservice.settings import LimitSettings
from ckservice.types import Done, ProviderName, StreamEvent
from ckservice.urls import is_loopback

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_SECONDS = 5
_SLEPT_SECONDS = 10
_AWAKE_SECONDS = 15
"""What a connection has after a sleep to show that it is alive."""

_FINISH_SECONDS = 0.1
_MAX_JSON_BYTES = 64 * 1024 * 1024


class Reply(Protocol):
    """What has come of an answer, record by record: one dialect's way to say things."""

    @property
    def is_done(self) -> bool:
        """Whether the last record has come; what stands behind it, or happens to the connection then, does no harm."""

    def take(self, record: Record) -> Iterable[StreamEvent] | None:
        """The events in a record: none where the answer goes on unseen, `None` where it doesn't, as in a keep-alive.

        Raises:
            ProviderError: the record tells of one, or is not of this dialect.
        """

    def end(self) -> Done:
        """The last event.

        Raises:
            StreamInterrupted: the stream ended before the answer did.
        """


async def head(sending: Awaitable[T], *, provider: ProviderName, limits: LimitSettings) -> T:
    """Wait for the head of an answer: a server that has to load its model sends it with the first piece.

    Raises:
        ProviderUnavailable: it did not come within the time for the first piece.
    """
    try:
        with anyio.fail_after(limits.first_token_timeout_ms / 1000):
            return await sending
    except TimeoutError:
        raise too_slow(provider) from None


async def read(
    response: "httpx2.Response", splitter: Splitter, reply: Reply, *, provider: ProviderName, limits: LimitSettings
) -> AsyncGenerator[StreamEvent]:
    """Read an answer to its end. The caller opens and closes the response.

    Raises:
        StreamInterrupted: the connection broke, or was silent for too long, or the stream ended too soon.
        ProviderUnavailable: nothing came of the answer within the time for its first piece.
        ProviderError: what `Reply.take` raises.
    """
    async with aclosing(response.aiter_bytes()) as chunks:
        with _Silence(provider, limits, is_local=is_loopback(str(response.request.url))) as silence:
            while True:
                chunk = await silence.bounded(chunks)
                for record in _split(splitter, chunk, provider):
                    events = reply.take(record)
                    if events is not None:
                        silence.broken()
                        for event in events:
                            yield event
                    if reply.is_done:
                        break
                if reply.is_done or not chunk:
                    break
        done = reply.end()
        if chunk:
            await _finish(chunks)
    yield done


async def read_json(response: "httpx2.Response", *, provider: ProviderName) -> Any:
    """Read an answer that comes as one JSON value. The caller opens and closes the response, and bounds the time.

    Raises:
        ProviderUnavailable: the connection broke.
        ProviderRejected: it is no JSON, or without end.
    """
    import httpx2  # noqa: PLC0415 - whoever opened the response has imported it

    data = bytearray()
    try:
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                data += chunk
                if len(data) > _MAX_JSON_BYTES:
                    raise not_the_api(provider, response.status_code)
        return orjson.loads(data)
    except httpx2.RequestError as error:
        raise unreachable(provider, str(response.request.url), error) from None
    except orjson.JSONDecodeError:
        raise not_the_api(provider, response.status_code) from None


def _split(splitter: Splitter, chunk: bytes, provider: ProviderName) -> list[Record]:
    try:
        return splitter.feed(chunk)
    except ValueError as error:
        raise errors.StreamInterrupted(f"{title(provider)}: {error}.", provider=provider) from None


async def _finish(chunks: AsyncIterator[bytes]) -> None:
    """Read what stands behind the last record, so that the connection can serve the next question."""
    with suppress(Exception), anyio.move_on_after(_FINISH_SECONDS):
        async for _ in chunks:
            pass


class _Silence:
    """Waits for bytes, but not for ever.

    Time that passes between two waits does not count: then it is the host that is slow. One timer serves the whole
    stream, and is set anew when it goes off too early: a cancel scope for each wait would cost as much as all the rest.
    """

    def __init__(self, provider: ProviderName, limits: LimitSettings, *, is_local: bool) -> None:
        import httpx2  # noqa: PLC0415 - whoever opened the response has imported it

        self._provider = provider
        self._is_local = is_local
        self._breaks = (httpx2.TransportError, httpx2.DecodingError)
        self._idle_seconds = limits.idle_timeout_ms / 1000
        self._left_in_all = limits.total_timeout_ms / 1000
        self._left = min(limits.first_token_timeout_ms / 1000, self._left_in_all)
        self._has_begun = self._has_slept = self._is_over = False
        self._waiting: asyncio.Task[object] | None = None
        self._waits_since = 0.0
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        self._looked_at = time.time()
        self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def broken(self) -> None:
        """A piece of the answer has come."""
        self._left = min(self._idle_seconds, self._left_in_all)
        self._has_begun = True
        self._has_slept = False

    async def bounded(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The next chunk; empty at the end."""
        task = asyncio.current_task(self._loop)
        assert task is not None, "an event loop runs nothing but tasks"
        cancels = task.cancelling()
        self._waits_since = self._loop.time()
        if self._waits_since + self._left < self._timer.when():
            self._set_timer(self._waits_since + self._left)
        self._waiting = task
        try:
            return await anext(chunks, b"")
        except (asyncio.CancelledError, *self._breaks) as error:
            if self._is_over and task.uncancel() <= cancels:
                raise self._timeout() from None
            if isinstance(error, asyncio.CancelledError):
                if self._is_over:  # somebody else cancels at the same time: a scope knows its own cancellation only
                    await anyio.lowlevel.checkpoint_if_cancelled()
                raise
            reason = f"The connection to {title(self._provider)} broke: {type(error).__name__}."
            raise errors.StreamInterrupted(reason, provider=self._provider) from None
        finally:
            self._waiting = None
            waited = self._loop.time() - self._waits_since
            self._left -= waited
            self._left_in_all -= waited

    def _set_timer(self, at: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        """End the wait if its time is over, and find out whether the machine slept.

        A machine that slept has most likely lost its connections, and nothing says so: they are given little time.
        The event loop's clock stands still meanwhile on some systems; the clock on the wall does not.
        """
        now, wall = self._loop.time(), time.time()
        since = self._waits_since if self._waiting is not None else now
        if wall - self._looked_at > _LOOK_SECONDS + _SLEPT_SECONDS and not self._is_local:
            log.info("the machine slept while an answer was on its way")
            self._has_slept = True
            self._left = min(self._left, now - since + _AWAKE_SECONDS)
        self._looked_at = wall
        due = since + self._left
        if self._waiting is not None and due <= now:
            self._is_over = True
            self._waiting.cancel()
        else:
            self._set_timer(min(due, now + _LOOK_SECONDS))

    def _timeout(self) -> errors.ProviderError:
        name = title(self._provider)
        if self._has_begun:
            reason = f"{name} took too long: it stopped in the middle of its answer, or went on without end."
            return errors.StreamInterrupted(reason, provider=self._provider)
        if self._has_slept:
            reason = f"The connection to {name} was lost while the machine slept."
            return errors.ProviderUnavailable(reason, provider=self._provider)
        return too_slow(self._provider)
