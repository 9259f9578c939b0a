"""The repositories that a process works with."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from ckservice.context.repository import Repository
    from ckservice.context.snapshot import Snapshot

T = TypeVar("T")

_MAX_READERS = 2
"""Threads that read repositories at one time: Python runs one of them anyway, and the others' work must not wait."""

_MAX_WRITERS = 8
"""Threads that write at one time. They mostly wait for each other, and leave the other threads to those who read."""


class Repositories:
    """The repositories that have been used, by their directories.

    Args:
        default: gives the path of the one that is meant where a request names none.
    """

    def __init__(self, default: Callable[[], str | None]) -> None:
        self._default = default
        self._readers = anyio.CapacityLimiter(_MAX_READERS)
        self._writers = anyio.CapacityLimiter(_MAX_WRITERS)
        self._lock = threading.Lock()
        self._opened: dict[Path, Repository] = {}

    async def find(self, repo_path: str | None) -> "Repository":
        """The repository in a directory, or the one that is meant where none is named.

        Raises:
            RepositoryNotFound: there is none.
        """
        named = repo_path if repo_path is not None else self._default()
        return await anyio.to_thread.run_sync(self._find, named, abandon_on_cancel=True)

    async def find_if_named(self, repo_path: str | None) -> "Repository | None":
        """The same; `None` where none is named anywhere."""
        return None if repo_path is None and self._default() is None else await self.find(repo_path)

    async def read(self, repository: "Repository | None", work: "Callable[[Snapshot], T]") -> T:
        """Call `work` with what is in a repository now, on a worker thread; with an empty snapshot where it is `None`."""

        def _read() -> T:
            from ckservice.context.snapshot import nowhere  # noqa: PLC0415 - as below

            return work(repository.snapshot() if repository is not None else nowhere())

        return await self.run(_read)

    async def run(self, work: Callable[[], T]) -> T:
        """Call what only reads or computes on a worker thread; on a cancel its result is not waited for."""
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._readers)

    async def write(self, work: Callable[[], T]) -> T:
        """Call what writes on a worker thread. Also on a cancel it is finished, or undone, before this returns."""
        return await anyio.to_thread.run_sync(work, limiter=self._writers)

    def _find(self, repo_path: str | None) -> "Repository":
        from ckservice.context.paths import find_root  # noqa: PLC0415 - as below
        from ckservice.context.repository import Repository  # noqa: PLC0415 - takes 20 ms: only for those who have one

        root = find_root(repo_path)
        with self._lock:
            if root not in self._opened:
                self._opened[root] = self._known(root) or Repository(root)
            return self._opened[root]

    def _known(self, root: Path) -> "Repository | None":
        """The repository that is open under another spelling: where case does not matter, or a directory is mounted twice."""
        for repository in self._opened.values():
            try:
                if repository.root.resolve() == repository.root and repository.root.samefile(root):
                    return repository
            except OSError:  # that one has gone
                continue
        return None
