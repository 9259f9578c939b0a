"""What every request and every answer passes through. Imported with the first client, since it needs httpx2."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import httpx2

from ckservice.logs import CONTEXT

_REFUSAL_SECONDS = 0.5
_REFUSAL_BYTES = 64 * 1024


async def pass_trace_on(request: httpx2.Request) -> None:
    """W3C trace context, https://www.w3.org/TR/trace-context/."""
    traceparent = CONTEXT.get().get("traceparent")
    if traceparent is not None and traceparent.isascii() and traceparent.isprintable():
        request.headers["traceparent"] = traceparent


async def close_if_cancelled(request: httpx2.Request) -> None:
    """Close a connection whose TLS handshake is cancelled: httpcore2 leaves it open, but tells of it here.

    https://www.encode.io/httpcore/extensions/#trace
    """
    connections: list[Any] = []

    async def trace(event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            connections.append(info["return_value"])
        elif event == "connection.start_tls.failed":
            for connection in connections:
                await connection.aclose()

    if request.url.scheme == "https":
        request.extensions = {**request.extensions, "trace": trace}


async def read_refusal(response: httpx2.Response) -> None:
    """Read what a status other than 2xx comes with: its beginning, and for a bounded time. SDKs would read on for ever.

    It reads as empty where it can't be decoded: the status still tells the most of it.
    """
    if not response.is_success:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Beginning(response.stream)
        try:
            await response.aread()
        except httpx2.DecodingError:
            response._content = b""  # noqa: SLF001 - else whoever looks at it finds it unread, and that is no error of HTTP
        await response.aclose()


class _Beginning(httpx2.AsyncByteStream):
    """The first bytes of a stream, as far as they come soon."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        deadline = anyio.current_time() + _REFUSAL_SECONDS
        chunk, size = b".", 0
        while chunk and size < _REFUSAL_BYTES:
            chunk = b""
            with suppress(httpx2.TransportError), anyio.move_on_at(deadline):
                chunk = await anext(chunks, b"")
            size += len(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


HOOKS: dict[str, list[Any]] = {"request": [pass_trace_on, close_if_cancelled], "response": [read_refusal]}
