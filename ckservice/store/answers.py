"""Where answers are kept under keys until they are too old: what every such place can do, and the one on disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Literal, Protocol

from ckservice.store.database import Database, pragma, transaction

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = """
CREATE TABLE answers (
    key TEXT NOT NULL UNIQUE,
    stored_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    answer BLOB NOT NULL
);
CREATE INDEX answers_by_age ON answers (stored_at);
CREATE INDEX answers_by_use ON answers (used_at)
"""
"""Times are milliseconds since 1970."""

_EXPIRED_AT_A_TIME = 64
_MOST_EVICTED = 1000
"""With one new answer. Where the bound was lowered a lot, the next ones go on with it."""

_CLOCK_MS = 60_000
"""An answer from further in the future counts as expired: a clock that was set back would keep it for too long."""

_MOST_USES = 4096


@dataclass(frozen=True, slots=True)
class Stats:
    """What a store holds.

    Attributes:
        size: in bytes.
        oldest_at: seconds since 1970.
    """

    backend: Literal["sqlite", "redis"]
    entries: int
    size: int
    oldest_at: float | None = None


class Answers(Protocol):
    """A place for answers. Each method raises `StorageFailed` if the place can't be used."""

    async def get(self, key: str, *, ttl: int) -> bytes | None:
        """The answer under a key, if it is younger than `ttl` seconds."""

    async def put(self, key: str, answer: bytes, *, ttl: int, max_bytes: int) -> None:
        """Keep an answer for `ttl` seconds; others may have to go, so that all fit in `max_bytes`."""

    async def stats(self, *, ttl: int) -> Stats:
        """Count the answers that are younger than `ttl` seconds."""

    async def clear(self) -> int:
        """Remove all answers, and say how many there were."""


class AnswersOnDisk:
    """Answers in a SQLite file, which several processes may share.

    The file grows to `max_bytes` at most, beside a log of about a megabyte; the answers used longest ago go
    first. A hit only reads: that it was one is written down with the next answer.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, version=1, schema=_SCHEMA)
        self._used: dict[str, int] = {}

    async def get(self, key: str, *, ttl: int) -> bytes | None:
        def find(connection: "sqlite3.Connection") -> bytes | None:
            query = "SELECT answer FROM answers WHERE key = ? AND stored_at BETWEEN ? AND ?"
            row = connection.execute(query, (key, *_fresh(ttl))).fetchone()
            return None if row is None else bytes(row[0])

        answer = await self._database.run(find)
        if answer is not None and len(self._used) < _MOST_USES:
            self._used[key] = _now()
        return answer

    async def put(self, key: str, answer: bytes, *, ttl: int, max_bytes: int) -> None:
        used, self._used = self._used, {}

        def write(connection: "sqlite3.Connection") -> None:
            with transaction(connection):
                now = _now()
                connection.executemany("UPDATE answers SET used_at = ? WHERE key = ?", _swapped(used))
                connection.execute(
                    "DELETE FROM answers WHERE rowid IN"
                    " (SELECT rowid FROM answers WHERE stored_at NOT BETWEEN ? AND ? LIMIT ?)",
                    (*_fresh(ttl), _EXPIRED_AT_A_TIME),
                )
                connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (key, now, now, answer))
                _make_room(connection, max_bytes)
            _give_back(connection, max_bytes)

        await self._database.run(write)

    async def stats(self, *, ttl: int) -> Stats:
        def count(connection: "sqlite3.Connection") -> Stats:
            query = "SELECT count(*), min(stored_at) FROM answers WHERE stored_at BETWEEN ? AND ?"
            entries, oldest = connection.execute(query, _fresh(ttl)).fetchone()
            size = pragma(connection, "page_count") * pragma(connection, "page_size")
            return Stats("sqlite", entries, size, None if oldest is None else oldest / 1000)

        return await self._database.run(count)

    async def clear(self) -> int:
        self._used.clear()

        def remove(connection: "sqlite3.Connection") -> int:
            with transaction(connection):
                removed = connection.execute("DELETE FROM answers").rowcount
            _give_back(connection, 0)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return removed

        return await self._database.run(remove)


def _now() -> int:
    return int(time() * 1000)


def _fresh(ttl: int) -> tuple[int, int]:
    """When an answer that has not expired was stored, at the earliest and at the latest."""
    now = _now()
    return now - ttl * 1000, now + _CLOCK_MS


def _swapped(used: dict[str, int]) -> Iterable[tuple[int, str]]:
    return ((at, key) for key, at in used.items())


def _make_room(connection: "sqlite3.Connection", max_bytes: int) -> None:
    """Delete what was used longest ago until the pages in use fit."""
    most_pages = max_bytes // pragma(connection, "page_size")
    for _ in range(_MOST_EVICTED):
        if pragma(connection, "page_count") - pragma(connection, "freelist_count") <= most_pages:
            return
        connection.execute("DELETE FROM answers WHERE rowid = (SELECT rowid FROM answers ORDER BY used_at LIMIT 1)")


def _give_back(connection: "sqlite3.Connection", max_bytes: int) -> None:
    """Cut free pages off the file where it is longer than it may be."""
    excess = pragma(connection, "page_count") - max_bytes // pragma(connection, "page_size")
    if excess > 0 and pragma(connection, "freelist_count"):
        # Each step frees one page, and `execute` takes only one.
        connection.executescript(f"PRAGMA incremental_vacuum({excess})")
