"""SQLite files whose content can be done without: how one is opened, shared by processes, and replaced when damaged.

The journal is a write-ahead log, so that readers and the one writer don't wait for each other and a process
killed at any moment leaves a readable file: https://www.sqlite.org/wal.html.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import anyio

from ckservice.errors import StorageBusy, StorageFailed
from ckservice.store import sqlite_errors
from ckservice.store.database_file import DatabaseFile, Identity

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

T = TypeVar("T")

_APPLICATION = 0x434B5356
"""CKSV, https://www.sqlite.org/pragma.html#pragma_application_id; every file of ours says so."""

_BUSY_SECONDS = 0.2
"""How long another process is waited for: somebody waits for the answer that is to be stored."""

_LOG_PAGES = 256
"""The write-ahead log goes into the file proper when it is this long, a megabyte."""

_CACHE_KIB = 2000
"""What SQLite takes by default."""

_REPLACING = threading.Lock()
"""Of two that find the same file damaged, the second must not move what the first has made."""

Salvage = Callable[["sqlite3.Connection", "sqlite3.Connection"], None]
"""Copies what is worth keeping from a damaged file, reading from which may fail at any point, to the new one."""


class Database:
    """One file. It is opened when first used, on worker threads, for one call at a time.

    A file that is damaged, or not one of ours, is moved aside (`….corrupt`) with a warning and made anew. One that has
    been replaced, by whomever, is opened anew. Where nothing can be written, what is there is read.

    Args:
        path: of the file. Its folder is made when it is, within one that exists.
        version: of `schema`, from 1; a file of any other version is made anew.
        schema: statements that make the tables.
        busy_seconds: how long another process that writes is waited for.
        log_pages: how long the write-ahead log may become before it goes into the file proper, in pages of 4 KiB.
        cache_kib: memory for pages.
        salvage: saves what it can where the file is made anew.

    Attributes:
        file: what is on disk; using the database makes it where there is none.
        others: with the same file, in this process.
    """

    def __init__(
        self,
        path: Path,
        *,
        version: int,
        schema: str,
        busy_seconds: float = _BUSY_SECONDS,
        log_pages: int = _LOG_PAGES,
        cache_kib: int = _CACHE_KIB,
        salvage: Salvage | None = None,
    ) -> None:
        self.file = DatabaseFile(path)
        self.others: Sequence[Database] = ()
        self._version = version
        self._schema = schema
        self._busy_seconds = busy_seconds
        self._pragmas = (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"cache_size = -{cache_kib}",
            f"wal_autocheckpoint = {log_pages}",
            f"journal_size_limit = {log_pages * 4096}",
        )
        self._salvage = salvage
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._failed_at = 0.0
        self._problem: StorageFailed | None = None

    async def run(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        """Call `work` with a connection, in autocommit mode. It may be called twice: it must not gather anything.

        Raises:
            StorageBusy: another process writes; it may be tried again.
            StorageFailed: the file can't be used: the disk is full, permission is missing, and so on.
        """
        return await anyio.to_thread.run_sync(partial(self._run, monotonic(), work), abandon_on_cancel=True)

    def let_go(self) -> None:
        """Close the file, until it is used again, unless it is in use at this moment."""
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def _run(self, asked_at: float, work: "Callable[[sqlite3.Connection], T]") -> T:
        with self._lock:
            if self._problem is not None and self._failed_at > asked_at:
                # Whoever has waited for that need not find out again.
                raise type(self._problem)(self._problem.message)
            try:
                return self._attempt(work)
            except _Damaged:
                self._set_aside()
            try:
                return self._attempt(work)
            except _Damaged:
                raise self._failed("it stays damaged") from None

    def _attempt(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        import sqlite3  # noqa: PLC0415 - takes 5 ms, which the handshake does without

        try:
            return work(self._current())
        except sqlite3.Error as error:
            explained = self._explain(error)
            if not isinstance(explained, StorageBusy):
                self._close()
            raise explained from None
        except OSError as error:
            raise self._failed(os.strerror(error.errno or 0)) from None

    def _current(self) -> "sqlite3.Connection":
        """A connection to the file that stands there now."""
        if self._connection is not None and self._identity != self.file.identity:
            self._close()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - as above

        self.file.claim()
        self._identity = self.file.identity
        try:
            return self._connect(str(self.file.path), self._prepare)
        except sqlite3.OperationalError as error:
            if sqlite_errors.primary_code(error) not in sqlite_errors.UNWRITABLE:
                raise
        # Nothing can be written, not even the index of the log, which reading takes otherwise. What others write
        # would not be seen, so that the file is opened anew each time.
        self._identity = None
        return self._connect(f"{self.file.path.absolute().as_uri()}?immutable=1", self._is_current, uri=True)

    def _connect(
        self, name: str, prepare: "Callable[[sqlite3.Connection], object]", *, uri: bool = False
    ) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - as above

        connection = sqlite3.connect(name, self._busy_seconds, isolation_level=None, check_same_thread=False, uri=uri)
        try:
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: "sqlite3.Connection") -> None:
        is_new = not self._is_current(connection)
        if is_new:
            # Before the log: this can be set only as long as nothing has been written.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for setting in self._pragmas:
            connection.execute(f"PRAGMA {setting}")
        if is_new:
            self._make_tables(connection)

    def _make_tables(self, connection: "sqlite3.Connection") -> None:
        with transaction(connection):
            if self._is_current(connection):
                return  # another process was faster
            for statement in self._schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {self._version}")

    def _is_current(self, connection: "sqlite3.Connection") -> bool:
        """Whether the file is one of ours, of this version; `False` for an empty one.

        Raises:
            _Damaged: it is something else.
        """
        with snapshot(connection):
            found = pragma(connection, "application_id"), pragma(connection, "user_version")
            is_empty = connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        if found == (_APPLICATION, self._version):
            return True
        if found == (0, 0) and is_empty:
            return False
        raise _Damaged

    def _explain(self, error: "sqlite3.Error") -> Exception:
        code = sqlite_errors.primary_code(error)
        if code in sqlite_errors.DAMAGES or (code == sqlite_errors.ERROR and not self._is_whole()):
            return _Damaged()
        if code == sqlite_errors.ERROR:
            return error  # a mistake of ours: the tables are as they should be
        kind = StorageBusy if code in sqlite_errors.BUSY else StorageFailed
        return self._failed(sqlite_errors.problem(error), kind)

    def _is_whole(self) -> bool:
        """Whether the tables are those that were made."""
        import sqlite3  # noqa: PLC0415 - as above

        tables = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        with closing(sqlite3.connect(":memory:")) as made:
            made.executescript(self._schema)
            try:
                found = self._connection and self._connection.execute(tables).fetchall()
            except sqlite3.Error:
                return False
            return found == made.execute(tables).fetchall()

    def _failed(self, problem: str, kind: type[StorageFailed] = StorageFailed) -> StorageFailed:
        error = kind(f"{self.file.path.name} can't be used: {problem}.")
        self._failed_at, self._problem = monotonic(), error
        return error

    def _set_aside(self) -> None:
        self._close()
        for other in self.others:
            other.let_go()  # Windows moves no file that is open
        try:
            with _REPLACING:
                if self._identity != self.file.identity:
                    return  # somebody else has replaced it already
                log.warning("a damaged file was moved aside", extra={"file": self.file.path.name})
                damaged = self.file.move_aside()
        except OSError as error:
            raise self._failed(f"it is damaged and can't be replaced: {os.strerror(error.errno or 0)}") from None
        if self._salvage is not None:
            self._save_what_can_be(damaged, self._salvage)

    def _save_what_can_be(self, damaged: Path, salvage: Salvage) -> None:
        import sqlite3  # noqa: PLC0415 - as above

        try:
            with closing(sqlite3.connect(damaged, isolation_level=None)) as old:
                salvage(old, self._current())
        except (sqlite3.Error, OSError, _Damaged) as error:
            log.info("not all of a damaged file was saved", extra={"reason": type(error).__name__})

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _Damaged(Exception):
    """The file holds something else than it should."""


@contextmanager
def transaction(connection: "sqlite3.Connection") -> Iterator[None]:
    """Write all of what is done in the block, or nothing. It has the file to itself from the beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk ends it without us
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def snapshot(connection: "sqlite3.Connection") -> Iterator[None]:
    """What is read in the block is of one moment, whatever others write meanwhile."""
    begins = not connection.in_transaction
    if begins:
        connection.execute("BEGIN")
    try:
        yield
    finally:
        if begins and connection.in_transaction:  # an error of the disk ends it
            connection.execute("COMMIT")


def pragma(connection: "sqlite3.Connection", name: str) -> int:
    """The value of a pragma that is a number."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
