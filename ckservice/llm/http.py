"""Speaking HTTP to providers: clients that last, and lines out of bytes.

httpx2 is imported when first used, beside the event loop: it takes 60 ms, and an offline session never needs it.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 8
SILENCE_SECONDS = 300
"""How long a provider may send nothing: a local model may have to be loaded from disk first."""

_KEEPALIVE_SECONDS = 90
"""A person's next question finds the connection still open; httpx2's own 5 s would cost a handshake each time."""

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A provider that sends a longer line is not sending an answer."""

_LOOPBACK = re.compile(r"https?://(?:[^/@]*@)?(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?(?:/|$)", re.IGNORECASE)


class Http:
    """One client for this machine, which never uses a proxy, and one for the world, which may."""

    def __init__(self) -> None:
        self._clients: dict[bool, httpx2.AsyncClient] = {}

    async def client(self, url: str) -> "httpx2.AsyncClient":
        """The client for a URL.

        Raises:
            ImportError: the environment names a proxy of a kind that needs a further package.
            ValueError: it names one that makes no sense.
        """
        httpx2 = await anyio.to_thread.run_sync(import_module, "httpx2")
        is_loopback = _LOOPBACK.match(url) is not None
        if is_loopback not in self._clients:
            try:
                self._clients[is_loopback] = httpx2.AsyncClient(
                    limits=httpx2.Limits(keepalive_expiry=_KEEPALIVE_SECONDS), trust_env=not is_loopback
                )
            except httpx2.InvalidURL as error:
                raise ValueError(type(error).__name__) from None
        return self._clients[is_loopback]


async def lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Cut bytes into lines at line feeds, however they come; the last one needs none. Blank lines are left out.

    Raises:
        ValueError: a line is longer than `MAX_LINE_BYTES`.
    """
    kept = bytearray()
    async for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            kept += piece
            if kept.strip():
                yield bytes(kept)
            kept.clear()
        kept += rest
        if len(kept) > MAX_LINE_BYTES:
            raise ValueError("a line of the answer is too long")
    if kept.strip():
        yield bytes(kept)


def retry_after(value: str) -> float | None:
    """The seconds that a Retry-After header asks to wait; `None` for a date, or for nonsense."""
    return float(value) if re.fullmatch("[0-9]{1,5}", value) else None


def shown(endpoint: str) -> str:
    """An endpoint as it may be shown: without path, query and whatever stands before an @."""
    scheme, _, rest = endpoint.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
