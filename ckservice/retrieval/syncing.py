"""What has changed in a repository since it was indexed, and the steps that bring the index up to date."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ckservice.context.disk import SETTLED_NS, Unreadable, read_bytes
from ckservice.retrieval.chunk import Contents
from ckservice.retrieval.files.reading import parse
from ckservice.retrieval.files.scan import MAX_BYTES, Signature
from ckservice.retrieval.storage import index
from ckservice.retrieval.storage.index import INDEXED, Change, File, Put, Remove, Touch
from ckservice.retrieval.types import LeftOut
from ckservice.store.database import snapshot

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

_UNREADABLE: LeftOut = "unreadable"
_NOTHING = Contents(())


class Replaced(Exception):
    """The index is not the one that was compared: somebody has removed all files, or the file was damaged."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Where an index is behind its repository.

    Attributes:
        epoch: of the index that was compared.
        changed: files that are new, or look as if they had changed.
        removed: files that have gone, as the index has them.
    """

    epoch: str | None
    changed: dict[str, Signature]
    removed: dict[str, Signature]

    def __len__(self) -> int:
        return len(self.changed) + len(self.removed)


@dataclass(frozen=True, slots=True)
class Counts:
    """Files that are indexed, by what has become of them."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.added + other.added, self.updated + other.updated, self.removed + other.removed)


def compare(connection: "sqlite3.Connection", found: Mapping[str, Signature]) -> Differences:
    """Find out what has to be looked at."""
    changed, removed = dict(found), {}
    with snapshot(connection):
        epoch = index.note(connection, "epoch")
        for path, size, mtime_ns in connection.execute("SELECT path, size, mtime_ns FROM file"):
            signature = changed.pop(path, None)
            if signature is None:
                removed[path] = Signature(size, mtime_ns)
            elif signature != (size, mtime_ns):
                changed[path] = signature
    return Differences(epoch, dict(sorted(changed.items())), removed)


def is_behind(connection: "sqlite3.Connection", root: Path, found: Mapping[str, Signature]) -> bool:
    """Whether a repository holds something else than its index; files that only look changed are read."""
    differences = compare(connection, found)
    if differences.removed:
        return True
    for path, signature in differences.changed.items():
        before = index.find(connection, path)
        read = _read(root, path, signature)
        if (before.hash if before is not None else None) != (read.file.hash if read is not None else None):
            return True
    return False


class Sync:
    """One bringing up to date of an index.

    Other processes may do the same at the same time: each file is compared again within the transaction that writes it,
    so that none is done twice, and nothing that was read earlier replaces what was read later.

    Args:
        root: of the repository.
        differences: what to look at.
        give_way: is called before each file; it may wait a moment for those who have no time.

    Attributes:
        completed: how many files have been looked at.
        written: how many of them had to be written.
        counts: what has become of them.
    """

    def __init__(self, root: Path, differences: Differences, give_way: Callable[[], object]) -> None:
        self._root = root
        self._differences = differences
        self._give_way = give_way
        self._paths = (*differences.removed, *differences.changed)
        self.completed = self.written = 0
        self.counts = Counts()

    def step(self, connection: "sqlite3.Connection") -> None:
        """Look at some files, and write what has changed, in one transaction.

        What fails is as if it had not begun.

        Raises:
            Replaced: nothing of the differences holds any more.
        """
        changes: list[Counts] = []
        self.completed += index.write_batch(connection, self._changes(connection, changes))
        self.written += len(changes)
        self.counts = sum(changes, self.counts)

    def _changes(self, connection: "sqlite3.Connection", counts: list[Counts]) -> Iterator[Change | None]:
        if index.note(connection, "epoch") != self._differences.epoch:
            raise Replaced
        for place in range(self.completed, len(self._paths)):
            self._give_way()
            path = self._paths[place]
            before = index.find(connection, path)
            change = self._change(path, before)
            if change is not None:
                counts.append(_count(before, change))
            yield change

    def _change(self, path: str, before: File | None) -> Change | None:
        known = Signature(before.size, before.mtime_ns) if before is not None else None
        if path in self._differences.removed:
            return Remove(path) if known == self._differences.removed[path] else None
        signature = self._differences.changed[path]
        if known == signature:
            return None  # another process has indexed it
        read = _read(self._root, path, signature)
        if read is None:
            return Remove(path) if before is not None else None
        if before is not None and before.hash == read.file.hash:
            same = replace(read.file, status=before.status)
            return Touch(same) if same != before else None
        return _put(read)


class _Read(NamedTuple):
    """A file that was read."""

    file: File
    data: bytes


def _read(root: Path, path: str, signature: Signature) -> _Read | None:
    """A file as it is now; `None` where it has gone since it was listed."""
    try:
        data = read_bytes(f"{root}/{path}", MAX_BYTES)
    except FileNotFoundError:
        return None
    except Unreadable:
        return _Read(File(path, b"", signature.size, 0, _UNREADABLE), b"")
    is_settled = signature.mtime_ns < time.time_ns() - SETTLED_NS and signature.size == len(data)
    mtime_ns = signature.mtime_ns if is_settled else 0  # what may change unnoticed is looked at again
    return _Read(File(path, hashlib.sha256(data).digest()[:16], len(data), mtime_ns), data)


def _put(read: _Read) -> Put:
    """What is to be written of a file."""
    if read.file.status != INDEXED:
        return Put(read.file, _NOTHING)
    contents: Contents | LeftOut
    try:
        contents = parse(read.file.path, read.data)
        if not isinstance(contents, str):
            _check(contents)
    except Exception:  # one file that we can't take apart must not keep the others out
        log.exception("a file could not be taken apart", extra={"file": read.file.path})
        contents = _UNREADABLE
    if isinstance(contents, str):
        return Put(replace(read.file, status=contents), _NOTHING)
    return Put(read.file, contents)


def _check(contents: Contents) -> None:
    """Fail on what can't be written: text with half of a surrogate pair."""
    for chunk in contents.chunks:
        f"{chunk.entity_id}{chunk.title}{chunk.body}".encode()
    for link in contents.links or ():
        f"{link.source}{link.target}{link.relation}".encode()


def _count(before: File | None, change: Change) -> Counts:
    was = before is not None and before.status == INDEXED
    match change:
        case Put(file):
            is_now = file.status == INDEXED
            return Counts(is_now and not was, is_now and was, was and not is_now)
        case Remove():
            return Counts(removed=was)
    return Counts()
