"""Taking turns: calls with the same key run one after another, in the order they came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Turns:
    """One first-in-first-out lock for each key in use."""

    def __init__(self) -> None:
        self._locks: dict[str, anyio.Lock] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def take(self, key: str | None) -> AsyncIterator[None]:
        """Wait until everything that asked before with this key is through."""
        if key is None:
            yield
            return
        lock = self._locks.setdefault(key, anyio.Lock(fast_acquire=True))
        self._users[key] = self._users.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._locks[key]
