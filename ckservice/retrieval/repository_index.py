"""The index of one repository: brought up to date, searched, removed."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import anyio

from ckservice.errors import IndexNotReady, StorageBusy, StorageFailed
from ckservice.retrieval.embedding.embedder import Embedder
from ckservice.retrieval.embedding.embeddings import Embeddings
from ckservice.retrieval.files.walk import Walk
from ckservice.retrieval.model import EmbeddingStatus, IndexCounts, IndexStatus
from ckservice.retrieval.ranking.search import Query, Results, search
from ckservice.retrieval.ranking.similar import similar
from ckservice.retrieval.storage import index, tables
from ckservice.retrieval.storage.salvaging import save_vectors
from ckservice.retrieval.syncing import is_behind
from ckservice.retrieval.types import StartSoon, Tell
from ckservice.retrieval.updating import Refresh, Updating
from ckservice.store.database import Database, snapshot

if TYPE_CHECKING:
    import sqlite3

Embed = Literal["auto", "always", "never"]

_PATIENCE = 1.0
"""Seconds that a search waits for the index to be brought up to date."""

_FIRST_PATIENCE = 10.0
"""Seconds that it waits where there is none yet."""

_RETRY_SECONDS = 2.0
"""When it is worth asking again."""

_BUSY_SECONDS = 2.0
"""Another process writes for a quarter of a second at a time."""

_LOG_PAGES = 1000
"""What SQLite takes by default."""

_CACHE_KIB = 16_000
"""Of each of the two connections."""

_YIELD_SECONDS = 0.02
"""How long indexing rests before each file while somebody searches: both take turns with Python otherwise, and the search
would take ten times as long."""


class RepositoryIndex:
    """The index of one repository. For one event loop; other processes may use the same file.

    Args:
        root: of the repository, with links resolved.
        path: of the file that holds the index.
        embedder: gives the model of embeddings that is set, if one is.
        afterwards: is called on a worker thread when it was brought up to date beside the requests.
    """

    def __init__(
        self,
        root: Path,
        path: Path,
        embedder: Callable[[], Embedder | None],
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        open_database = partial(
            Database,
            path,
            version=tables.VERSION,
            schema=tables.SCHEMA,
            busy_seconds=_BUSY_SECONDS,
            log_pages=_LOG_PAGES,
            cache_kib=_CACHE_KIB,
            salvage=save_vectors,
        )
        self._root = root
        self._walk = Walk(root)
        self._writer, self._reader = open_database(), open_database()
        self._writer.others, self._reader.others = (self._reader,), (self._writer,)
        self._embeddings = Embeddings(self._writer, self._reader, embedder)
        self._updating = Updating(root, self._walk, self._writer, self._give_way, afterwards)
        self._searches = 0
        self._nobody_searches = threading.Event()
        self._nobody_searches.set()

    async def update(self, tell: Tell, *, rebuild: bool = False, embed: Embed = "auto") -> IndexCounts:
        """Bring it up to date. On a cancel, what is done is kept.

        Args:
            tell: is told how far it is.
            rebuild: read all files as if they were new; vectors are kept, for the same texts.
            embed: make the vectors that are missing, as far as that goes; `always`, or fail.

        Raises:
            RepositoryNotFound: there is no directory any more.
            StorageFailed: the file can't be used.
            ProviderError: vectors must be made, and can't be.
            BudgetExceeded: vectors must be made, and might cost more than the settings allow.
        """
        started = perf_counter()
        counts = await self._updating.run(tell, rebuild=rebuild)
        embedded, problem = 0, None
        if embed != "never":
            embedded, problem = await self._embeddings.complete(tell, self._updating.version, must=embed == "always")
        statistics = await self._writer.run(index.statistics)
        return IndexCounts(
            added=counts.added,
            updated=counts.updated,
            removed=counts.removed,
            unchanged=max(0, statistics.files - counts.added - counts.updated),
            chunks=statistics.chunks,
            embedded=embedded,
            duration_ms=round((perf_counter() - started) * 1000, 2),
            embedding_model=self._embeddings.model,
            embedding_problem=problem,
        )

    async def freshen(
        self, start_soon: StartSoon, tell: Tell | None = None, *, patience: float = _FIRST_PATIENCE
    ) -> bool:
        """Bring it up to date as far as a search may wait for; the rest goes on beside the requests.

        Args:
            start_soon: runs what is not waited for.
            tell: is told how far it is, where there is none yet.
            patience: seconds that may be waited where there is none yet; `math.inf` for as long as it takes.

        Returns:
            Whether it holds what the repository holds.

        Raises:
            IndexNotReady: there was none, and there is none yet.
            RepositoryNotFound: there was none, and there is nothing to make one of.
            StorageFailed: the file can't be used.
        """
        refresh = self._updating.soon(start_soon)
        if await self.indexed_at() is None:
            await self._wait_for_first(refresh, tell, patience)
        else:
            # What has been going on for a while will hardly end in the next moment.
            with anyio.move_on_after(max(0.0, _PATIENCE - self._updating.running_seconds)):
                await refresh.done.wait()
        self._embeddings.complete_soon(start_soon, self._updating.version)
        return refresh.succeeded

    async def search(self, query: Query, start_soon: StartSoon) -> Results:
        """Find sources; by meaning, too, where the mode allows and a vector of the question is there in time.

        Raises:
            ProviderError: the mode demands vectors, and there is no provider of them, or it failed.
            BudgetExceeded: the mode demands vectors, which might cost more than the settings allow.
            IndexNotReady: the index was damaged, and is not made anew in time.
            StorageFailed: the file can't be read.
        """
        if query.mode != "lexical":
            vector = await self._embeddings.of(query.text, start_soon, must=query.mode != "auto")
            query = replace(query, vector=vector)
        return await self._search(partial(search, query=query, signs=self._embeddings.signs), start_soon)

    async def similar(self, entity_id: str, top_k: int, start_soon: StartSoon) -> Results:
        """Find what is most like an entity.

        Raises:
            EntityNotFound: the index has no such entity.
            IndexNotReady: the index was damaged, and is not made anew in time.
            StorageFailed: the file can't be read.
        """
        find = partial(
            similar, entity_id=entity_id, signs=self._embeddings.signs, top_k=top_k, model=self._embeddings.key
        )
        return await self._search(find, start_soon)

    async def status(self) -> IndexStatus:
        """What it holds, and whether the repository still does. Nothing is written.

        Raises:
            RepositoryNotFound: there is no directory any more.
            StorageFailed: the file can't be read.
        """
        listing = await self._walk.list()

        def read(connection: "sqlite3.Connection") -> tuple[index.Statistics, str | None, bool]:
            with snapshot(connection):
                is_stale = is_behind(connection, self._root, listing.files)
                return index.statistics(connection), self._updating.agreed_at(connection), is_stale

        if self._reader.file.exists:
            statistics, indexed_at, is_stale = await self._reader.run(read)
            embeddings = await self._embeddings.status()
        else:
            statistics, indexed_at, is_stale = index.NOTHING, None, bool(listing.files)
            embeddings = EmbeddingStatus(model=self._embeddings.model, embedded=0, missing=0)
        return IndexStatus(
            exists=indexed_at is not None,
            building=self._updating.is_running,
            stale=is_stale,
            indexed_at=indexed_at,
            files=statistics.files,
            left_out=dict(Counter(listing.left_out) + Counter(statistics.left_out)),
            chunks=statistics.chunks,
            links=statistics.links,
            size_bytes=self._reader.file.size,
            embeddings=embeddings,
        )

    async def clear(self) -> int:
        """Remove all of it, vectors too, and say how many bytes that has freed.

        Raises:
            StorageFailed: the file can't be written.
        """
        if not self._writer.file.exists:
            return 0
        before = self._writer.file.size
        try:
            await self._updating.remove_all()
        except StorageBusy:
            raise
        except StorageFailed:  # removing rows takes space, which a full disk hasn't
            self._writer.let_go()
            self._reader.let_go()
            with suppress(OSError):
                self._writer.file.remove()
            if self._writer.file.exists:
                raise
        with suppress(OSError):  # it holds what the repository held when it was damaged
            self._writer.file.remove_aside()
        return max(0, before - self._writer.file.size)

    async def indexed_at(self) -> str | None:
        """When it was last found to hold what the repository holds, in ISO 8601; `None` if never.

        Raises:
            StorageFailed: the file can't be read.
        """
        return await self._reader.run(self._updating.agreed_at) if self._reader.file.exists else None

    async def _wait_for_first(self, refresh: Refresh, tell: Tell | None, patience: float) -> None:
        with anyio.move_on_after(patience):
            await self._updating.watch(refresh, tell)
        if await self.indexed_at() is None:
            if refresh.done.is_set() and refresh.problem is not None:
                raise refresh.problem
            raise IndexNotReady("The repository is being indexed for the first time.", retry_after=_RETRY_SECONDS)

    async def _search(self, find: "Callable[[sqlite3.Connection], Results]", start_soon: StartSoon) -> Results:
        """Search what was brought up to date; if it was lost since, as it was damaged, do that again."""

        def find_if_whole(connection: "sqlite3.Connection") -> Results | None:
            with snapshot(connection):
                return find(connection) if self._updating.agreed_at(connection) is not None else None

        with self._searching():
            results = await self._reader.run(find_if_whole)
        if results is None:
            await self.freshen(start_soon)
            results = await self._reader.run(find)
        return results

    @contextmanager
    def _searching(self) -> Iterator[None]:
        self._searches += 1
        self._nobody_searches.clear()
        try:
            yield
        finally:
            self._searches -= 1
            if not self._searches:
                self._nobody_searches.set()

    def _give_way(self) -> None:
        self._nobody_searches.wait(_YIELD_SECONDS)
