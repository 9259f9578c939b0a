"""SQLite files whose content can be done without: how one is opened, shared by processes, and replaced when damaged.

The journal is a write-ahead log, so that readers and the one writer don't wait for each other and a process
killed at any moment leaves a readable file: https://www.sqlite.org/wal.html.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import anyio

from ckservice.errors import StorageFailed

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


class Database:
    """One file. It is opened when first used, on worker threads, for one call at a time.

    A file that is damaged, or not one of ours, is moved aside (`….corrupt`) with a warning and made anew.

    Args:
        path: of the file.
        version: of `schema`, from 1; a file of any other version is made anew.
        schema: statements that make the tables.
    """

    def __init__(self, path: Path, *, version: int, schema: str) -> None:
        self._path = path
        self._version = version
        self._schema = schema
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._failed_at = 0.0
        self._problem = ""

    async def run(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        """Call `work` with a connection, in autocommit mode. It may be called twice: it must not gather anything.

        Raises:
            StorageFailed: the file can't be used: the disk is full, another process holds it, and so on.
        """
        return await anyio.to_thread.run_sync(partial(self._run, monotonic(), work), abandon_on_cancel=True)

    def _run(self, asked_at: float, work: "Callable[[sqlite3.Connection], T]") -> T:
        with self._lock:
            if self._failed_at > asked_at:  # who has waited for that need not find out for himself
                raise self._failed(self._problem)
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
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except sqlite3.Error as error:
            self._close()
            raise self._explain(error) from None
        except OSError as error:
            raise self._failed(os.strerror(error.errno or 0)) from None

    def _open(self) -> "sqlite3.Connection":
        import sqlite3  # noqa: PLC0415 - as above

        _claim(self._path)
        self._identity = _identity(self._path)
        connection = sqlite3.connect(self._path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            is_new = not self._is_current(connection)
            if is_new:
                # Before the log: this can be set only as long as nothing has been written.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_PAGES * 4096}")
            if is_new:
                self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

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
        application, version = pragma(connection, "application_id"), pragma(connection, "user_version")
        if (application, version) == (_APPLICATION, self._version):
            return True
        if (application, version) == (0, 0) and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return False
        raise _Damaged

    def _explain(self, error: "sqlite3.Error") -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells kinds of it apart
        if code in _DAMAGES:
            return _Damaged()
        return self._failed(_PROBLEMS.get(code, type(error).__name__))

    def _failed(self, problem: str) -> StorageFailed:
        self._failed_at, self._problem = monotonic(), problem
        return StorageFailed(f"{self._path.name} can't be used: {problem}.")

    def _set_aside(self) -> None:
        self._close()
        try:
            if self._identity != _identity(self._path):
                return  # another process has replaced it already
            log.warning("a damaged file was moved aside", extra={"file": self._path.name})
            for ending in ("-wal", "-shm"):
                self._beside(ending).unlink(missing_ok=True)
            self._path.replace(self._beside(".corrupt"))
        except OSError as error:
            raise self._failed(f"it is damaged and can't be replaced: {os.strerror(error.errno or 0)}") from None

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(self._path.name + ending)

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


def pragma(connection: "sqlite3.Connection", name: str) -> int:
    """The value of a pragma that is a number."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _claim(path: Path) -> None:
    """Make the file, if there is none, for its owner only; SQLite gives its other files the same mode."""
    with suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)
    with suppress(OSError):  # of somebody else, or on a file system without modes
        path.chmod(0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is that stands at a path."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


_DAMAGES = frozenset({1, 11, 20, 26})
"""SQLITE_ERROR (no such table or column), _CORRUPT, _MISMATCH, _NOTADB: https://www.sqlite.org/rescode.html."""

_PROBLEMS = {
    3: "permission is missing",
    5: "another process holds it",
    6: "another process holds it",
    8: "it can't be written",
    10: "the disk fails",
    13: "the disk is full",
    14: "it can't be opened",
}
