"""Which files of a repository are indexed."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio

from ckservice.context.disk import SETTLED_NS
from ckservice.context.git.repository import Git
from ckservice.errors import GitFailed
from ckservice.retrieval.files.ignoring import Ignoring
from ckservice.retrieval.files.scan import Rules, Scan, Signature
from ckservice.retrieval.types import LeftOut

T = TypeVar("T")

_RETRY_SECONDS = 60.0
"""After which Git is tried again where it could not be used."""

_MOST_FORGOTTEN = 10_000
"""Paths that are remembered although nothing is there any more; editors make new names for each save."""

_State = tuple[int, int, int] | None
"""Size, time of the last change in nanoseconds, and number of a file; `None` where there is none."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository at one moment.

    Attributes:
        files: that are to be read, by path relative to the repository and with `/`.
        left_out: how many are not, by reason; a folder that is left out counts once.
    """

    files: dict[str, Signature]
    left_out: dict[LeftOut, int]


@dataclass(slots=True)
class _Asked:
    """What Git has said, and until when that holds.

    Attributes:
        rules: what decides.
        deciding: files outside of the directory that have a say, as they were before Git was asked.
        at: when it was asked, in nanoseconds since 1970.
        until: when it is to be asked again, in seconds of the monotonic clock.
    """

    rules: Rules
    deciding: dict[Path, _State]
    at: int
    until: float = float("inf")


class Walk:
    """The files of one repository, looked at again and again.

    Git decides what is ignored, so that its rules hold exactly, wherever they are written down. It is asked once, about
    everything; then only about paths that are new, until a file with rules or its index changes. Where it can't be used,
    `.gitignore` files are read here, and the usual folders of build products are left out. `.ckignore` files, which have the
    same syntax, leave out more; other than Git's they hold for tracked files, too.

    Args:
        root: its directory, with links resolved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._git = Git(root)
        self._lock = anyio.Lock()
        self._asked: _Asked | None = None

    async def list(self) -> Listing:
        """What is there now.

        Raises:
            RepositoryNotFound: the directory can't be read.
        """
        async with self._lock:
            try:
                asked, scan = await self._look()
            except GitFailed:
                asked = self._without_git()
                scan = await _run(partial(_scan, self._root, asked.rules))
            asked.rules.verdicts |= scan.verdicts
            asked.rules.files = scan.rule_files
            self._asked = asked if _is_settled(asked, scan.rule_files.values()) else None
            return Listing(scan.files, dict(sorted(scan.left_out.items())))

    async def _look(self) -> tuple[_Asked, Scan]:
        """Take one look, by what is known or, where that doesn't hold any more, by what Git says now."""
        asked = self._asked
        scan = None if asked is None else await _run(partial(_scan_again, self._root, asked))
        if asked is None or scan is None:
            asked = await self._ask()
            scan = await _run(partial(_scan, self._root, asked.rules))
        while scan.waiting:
            ignored = await self._git.matched(scan.waiting)
            await _run(partial(scan.resume, ignored))
        return asked, scan

    async def _ask(self) -> _Asked:
        at = time.time_ns()
        deciding = await _run(partial(_states, await self._git.deciding_files()))
        listed = await self._git.listed()
        ignoring = (Ignoring(str(self._root), ".ckignore"),)
        rules = Rules(ignoring, listed, await _run(partial(_folders_of, listed)))
        return _Asked(rules, deciding, at)

    def _without_git(self) -> _Asked:
        ignoring = tuple(Ignoring(str(self._root), name) for name in (".gitignore", ".ckignore"))
        return _Asked(Rules(ignoring), {}, time.time_ns(), time.monotonic() + _RETRY_SECONDS)


async def _run(work: Callable[[], T]) -> T:
    """Call what reads from disk on a worker thread; on a cancel its result is not waited for."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


def _scan(root: Path, rules: Rules) -> Scan:
    scan = Scan(str(root), rules)
    scan.run()
    return scan


def _scan_again(root: Path, asked: _Asked) -> Scan | None:
    """Another look by what is known; `None` where that doesn't hold any more."""
    if time.monotonic() > asked.until or _states(asked.deciding) != asked.deciding:
        return None
    scan = _scan(root, asked.rules)
    seen = len(scan.files) + scan.left_out.total()
    has_grown = len(asked.rules.verdicts) > 2 * seen + _MOST_FORGOTTEN
    return None if has_grown or scan.rule_files != asked.rules.files else scan


def _states(paths: Iterable[Path]) -> dict[Path, _State]:
    return {path: _state(path) for path in paths}


def _state(path: Path) -> _State:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _folders_of(paths: Iterable[str]) -> frozenset[str]:
    """The folders that paths are in, each with a `/` at its end."""
    folders: set[str] = set()
    for path in paths:
        end = path.rfind("/") + 1
        while end and path[:end] not in folders:
            folders.add(path[:end])
            end = path.rfind("/", 0, end - 1) + 1
    return frozenset(folders)


def _is_settled(asked: _Asked, files: Iterable[Signature]) -> bool:
    """Whether Git must have seen the rules as they are now."""
    return not any(asked.at - SETTLED_NS < file.mtime_ns <= time.time_ns() for file in files)
