"""Bringing an index up to date: by one at a time, beside the requests, shared by all who wait for it."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from os import fsencode
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import anyio

from ckservice.errors import CkserviceError, StorageBusy, StorageFailed
from ckservice.retrieval.files.walk import Walk
from ckservice.retrieval.storage import index
from ckservice.retrieval.syncing import Counts, Replaced, Sync, compare
from ckservice.retrieval.types import StartSoon, Tell, tell_nobody
from ckservice.store.database import Database, pragma, snapshot, transaction
from ckservice.types import Progress

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

T = TypeVar("T")

_TELL_SECONDS = 0.1
"""Between two reports of progress, at least."""

_NOTE_AFTER = timedelta(minutes=10)
"""That nothing has changed is written down no more often."""

_STUCK_SECONDS = 30.0
"""How long a process that holds the index is waited for while it writes nothing."""

_MOST_ATTEMPTS = 5
"""An index that is replaced this often while it is written is given up."""


@dataclass(slots=True)
class Refresh:
    """One bringing up to date that is waited for.

    Attributes:
        done: it has ended.
        problem: why it came to nothing.
    """

    done: anyio.Event = field(default_factory=anyio.Event)
    problem: CkserviceError | None = None

    @property
    def succeeded(self) -> bool:
        return self.done.is_set() and self.problem is None


class Updating:
    """Brings one index up to date. For one event loop; other processes may do the same at the same time.

    Args:
        root: of the repository, with links resolved.
        walk: lists its files.
        database: the index, by the connection that writes.
        give_way: see `Sync`.
        afterwards: is called on a worker thread after each one that goes on beside the requests; it must not raise.

    Attributes:
        progress: how far the one is that is under way.
        version: another one after this process has written to the index.
    """

    def __init__(
        self,
        root: Path,
        walk: Walk,
        database: Database,
        give_way: Callable[[], object],
        afterwards: Callable[[], None],
    ) -> None:
        self._root = root
        self._walk = walk
        self._database = database
        self._give_way = give_way
        self._afterwards = afterwards
        self._alone = anyio.Lock()
        self._began_at = 0.0
        self._queued: Refresh | None = None
        self._told: str | None = None
        self._agreed: tuple[str | None, str] | None = None
        self.progress: Progress | None = None
        self.version = 0

    @property
    def is_running(self) -> bool:
        return self._alone.locked()

    @property
    def running_seconds(self) -> float:
        """How long it has been under way; 0 where it is not."""
        return monotonic() - self._began_at if self.is_running else 0.0

    async def run(self, tell: Tell, *, rebuild: bool = False) -> Counts:
        """Bring the index up to date. On a cancel, what is written stays.

        Args:
            tell: is told how far it is, ten times a second at most.
            rebuild: read all files as if they were new.

        Returns:
            What has become of the files.

        Raises:
            RepositoryNotFound: there is no directory any more.
            StorageFailed: the index can't be used.
        """
        async with self._turn():
            if rebuild:
                await self._patiently(index.forget)
            return await self._sync(tell)

    def soon(self, start_soon: StartSoon) -> Refresh:
        """The next one to begin, which others may wait for already; one that is under way may have missed something."""
        if self._queued is None:
            self._queued = Refresh()
            start_soon(partial(self._refresh, self._queued))
        return self._queued

    async def watch(self, refresh: Refresh, tell: Tell | None) -> None:
        """Wait until a refresh is done, and tell how far it is meanwhile."""
        told = None
        while tell is not None and not refresh.done.is_set():
            if self.progress is not None and self.progress is not told:
                told = self.progress
                await tell(told)
            with anyio.move_on_after(_TELL_SECONDS):
                await refresh.done.wait()
        await refresh.done.wait()

    async def remove_all(self) -> None:
        """Remove everything that the index holds. One that is being brought up to date begins anew.

        Raises:
            StorageFailed: the file can't be written.
        """
        self._agreed = None
        await self._patiently(index.remove_all)

    def agreed_at(self, connection: "sqlite3.Connection") -> str | None:
        """When the index was last found to hold what the repository holds, in ISO 8601; `None` if never."""
        with snapshot(connection):
            noted: str | None = index.note(connection, "indexed_at")
            epoch: str = index.note(connection, "epoch")
        agreed = self._agreed
        if noted is None or agreed is None or agreed[0] != epoch:
            return noted
        return max(noted, agreed[1])

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._alone:
            self._began_at = monotonic()
            try:
                yield
            finally:
                self.progress = None

    async def _refresh(self, refresh: Refresh) -> None:
        refresh.problem = StorageFailed("The index was not brought up to date: the connection ends.")
        try:
            async with self._turn():
                self._queued = None  # who asks from now on may know of a later change
                await self._sync(tell_nobody)
                refresh.problem = self._told = None
        except CkserviceError as error:
            refresh.problem = error
            if error.message != self._told:
                self._told = error.message
                log.warning("the index could not be brought up to date", extra={"reason": error.message})
        except Exception:
            refresh.problem = StorageFailed("The index could not be brought up to date; the log tells more.")
            log.exception("bringing the index up to date failed")
        finally:
            if self._queued is refresh:
                self._queued = None
            refresh.done.set()
        await anyio.to_thread.run_sync(self._afterwards, abandon_on_cancel=True)

    async def _sync(self, tell: Tell) -> Counts:
        for _ in range(_MOST_ATTEMPTS):
            try:
                return await self._attempt(tell)
            except Replaced:
                log.info("the index was replaced while it was written: all files are read again")
        raise StorageFailed("The index is replaced again and again.")

    async def _attempt(self, tell: Tell) -> Counts:
        begun = datetime.now(UTC)
        self.progress = Progress("scanning", "Looking for what has changed")
        await tell(self.progress)
        listing = await self._walk.list()
        differences = await self._database.run(partial(compare, found=listing.files))
        sync = Sync(self._root, differences, self._give_way)
        told_at = 0.0
        while sync.completed < len(differences):
            written = sync.written
            await self._patiently(sync.step)
            self.version += sync.written > written
            self.progress = Progress("indexing", "Reading what has changed", sync.completed, len(differences))
            if monotonic() - told_at >= _TELL_SECONDS or sync.completed == len(differences):
                told_at = monotonic()
                await tell(self.progress)
        await self._note(sync, differences.epoch, begun)
        return sync.counts

    async def _note(self, sync: Sync, epoch: str | None, begun: datetime) -> None:
        """Note that index and repository agree; on disk, too, if something was written, or it is a while ago."""

        def write(connection: "sqlite3.Connection") -> None:
            noted = index.note(connection, "indexed_at")
            if noted is None or sync.written or not _iso(begun - _NOTE_AFTER) <= noted <= _iso(begun):
                with transaction(connection):
                    if index.note(connection, "epoch") != epoch:
                        raise Replaced
                    index.write_notes(connection, root=fsencode(self._root), indexed_at=_iso(begun))

        try:
            await self._patiently(write)
        except StorageFailed:  # where nothing can be written, it holds what the repository holds all the same
            if sync.written or await self._database.run(partial(index.note, key="indexed_at")) is None:
                raise
        self._agreed = (epoch, _iso(begun))

    async def _patiently(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        """Call `work`, again and again while another process writes, and gets on.

        Raises:
            StorageBusy: it holds the index, and writes nothing.
            StorageFailed: the index can't be used.
        """
        seen, since = -1, monotonic()
        while True:
            try:
                return await self._database.run(work)
            except StorageBusy:
                version = await self._database.run(partial(pragma, name="data_version"))
                if version != seen:
                    seen, since = version, monotonic()
                elif monotonic() - since > _STUCK_SECONDS:
                    raise


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
