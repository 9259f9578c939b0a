"""Answers on a Redis server, which a team may share. How long they are kept, and what goes first, is its own business.

The redis package is an extra, and imported when first used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from ckservice.errors import StorageFailed
from ckservice.imports import load
from ckservice.store.answers import Stats

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

_PREFIX = "ckservice:1:"
"""Nothing else on the server is looked at or touched."""

_SECONDS = 1
"""For connecting and for each command: somebody waits for the answer."""

_LONG_SECONDS = 10
"""For going through all keys, which somebody has asked for."""

_CONNECTIONS = 16
_KEYS_AT_A_TIME = 1000


class AnswersOnRedis:
    """Answers under `ckservice:1:…` on the server at `url` (`redis://`, `rediss://` or `unix://`)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None
        self._places = anyio.CapacityLimiter(_CONNECTIONS)

    async def get(self, key: str, *, ttl: int) -> bytes | None:  # noqa: ARG002 - the server knows, from `put`
        async def find(client: "Redis") -> bytes | None:
            answer = await client.get(_PREFIX + key)
            return answer.encode() if isinstance(answer, str) else answer  # `?decode_responses=` is the URL's

        return await self._run(find, _SECONDS)

    async def put(self, key: str, answer: bytes, *, ttl: int, max_bytes: int) -> None:  # noqa: ARG002 - the server's own
        async def write(client: "Redis") -> None:
            await client.set(_PREFIX + key, answer, ex=ttl)

        await self._run(write, _SECONDS)

    async def stats(self, *, ttl: int) -> Stats:  # noqa: ARG002 - the server forgets what has expired
        async def count(client: "Redis") -> Stats:
            entries = size = 0
            async for keys in _keys(client):
                async with client.pipeline(transaction=False) as pipeline:
                    for key in keys:
                        pipeline.strlen(key)
                    lengths = await pipeline.execute()
                entries += len(keys)
                size += sum(lengths)
            return Stats("redis", entries, size)

        return await self._run(count, _LONG_SECONDS)

    async def clear(self) -> int:
        async def remove(client: "Redis") -> int:
            return sum([int(await client.unlink(*keys)) async for keys in _keys(client)])

        return await self._run(remove, _LONG_SECONDS)

    async def _run(self, work: "Callable[[Redis], Awaitable[T]]", seconds: float) -> T:
        try:
            await load("redis.asyncio")
        except ImportError:
            raise StorageFailed("The package redis is missing: pip install ckservice[redis].") from None
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        if self._client is None:
            self._client = _open(self._url)
        try:
            with anyio.fail_after(seconds):
                async with self._places:
                    return await work(self._client)
        except (RedisError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise StorageFailed(f"The Redis server can't be used: {type(error).__name__}.") from None


def _open(url: str) -> "Redis":
    """A client; it connects when it is first asked.

    Raises:
        StorageFailed: the URL makes no sense.
    """
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.exceptions import ConnectionError as RedisConnectionError  # noqa: PLC0415

    # A kept connection may have ended since; by itself the client would try ten times.
    once_more = Retry(NoBackoff(), 1, (RedisConnectionError,))
    try:
        return Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=once_more)
    except ValueError:
        raise StorageFailed("The URL of the Redis server makes no sense; correct it in the settings.") from None


async def _keys(client: "Redis") -> AsyncIterator[list[bytes]]:
    """All keys of ours, so many at a time."""
    keys: list[bytes] = []
    async for key in client.scan_iter(_PREFIX + "*", count=_KEYS_AT_A_TIME):
        keys.append(key)
        if len(keys) == _KEYS_AT_A_TIME:
            yield keys
            keys = []
    if keys:
        yield keys
