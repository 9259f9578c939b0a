"""Several files written as one: whoever reads them later finds all of them old or all of them new.

Temporaries are written beside the files first. A single file is then replaced by one rename, which is all or nothing by
itself; for several, the point of no return is a line in the journal.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ckservice.context.transaction.durable import read_bytes, replace, sha256, sync_directory, write_new
from ckservice.context.transaction.journal import Journal, Plan, Replacement
from ckservice.context.transaction.locking import locked
from ckservice.context.transaction.recovery import carry_out, recover_locked
from ckservice.errors import Conflict, StorageFailed


@dataclass(frozen=True, slots=True)
class Change:
    """One file of a change.

    Attributes:
        target: path below the repository, with `/` and without links; see `paths.inside`.
        before: what is in it; `None` where it is not there.
        after: what is to be in it.
    """

    target: str
    before: bytes | None
    after: bytes


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Be the only one who writes in a repository, in which no change is left half done. Blocks.

    Raises:
        StorageFailed: somebody else is writing, and does not come to an end.
    """
    with locked(root) as is_alone:
        recover_locked(root, is_alone=is_alone)
        yield


def write_all(root: Path, changes: Sequence[Change]) -> None:
    """Write all files of a change, or none; within `writing`.

    Raises:
        Conflict: a file is not what it was `before`.
        StorageFailed: a file can't be written: no room, no permission.
    """
    if not changes:
        return
    transaction = None
    try:
        transaction = _Transaction(root, changes)
        transaction.run()
    except OSError as error:
        raise _explain(error, transaction) from None


class _Transaction:
    def __init__(self, root: Path, changes: Sequence[Change]) -> None:
        self._root = root
        self._changes = changes
        self._directories = _missing_directories(root, changes)
        self._journal = Journal(root)
        self._new = [self._journal.temporary(change.target, at, "new") for at, change in enumerate(changes)]
        self._old = [self._journal.temporary(change.target, at, "old") for at, change in enumerate(changes)]
        self._replaced = 0
        self.current = changes[0]
        """The file that is being worked on."""

    def run(self) -> None:
        try:
            self._prepare()
            self._replace()
        except BaseException:
            self._undo()
            raise
        self._journal.remove()

    def _prepare(self) -> None:
        self._journal.note(Plan(temporaries=(*self._new, *self._old), directories=self._directories))
        for directory in reversed(self._directories):
            (self._root / directory).mkdir(exist_ok=True)
        for change, temporary in zip(self._changes, self._new, strict=True):
            self.current = change
            self._check(change)
            write_new(self._root / temporary, change.after, like=self._root / change.target)
        if len(self._changes) > 1:
            made = [
                Replacement(change.target, temporary, _hash(change.before), sha256(change.after))
                for change, temporary in zip(self._changes, self._new, strict=True)
            ]
            self._journal.note(Plan(tuple(made), tuple(self._old), self._directories), is_durable=True)

    def _replace(self) -> None:
        for change, temporary in zip(self._changes, self._new, strict=True):
            self.current = change
            self._check(change)
            replace(self._root / temporary, self._root / change.target)
            self._replaced += 1
        for folder in {(self._root / change.target).parent for change in self._changes}:
            sync_directory(folder)
        for directory in self._directories:
            sync_directory((self._root / directory).parent)

    def _check(self, change: Change) -> None:
        target = self._root / change.target
        if change.before is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is read-only")  # a rename would not mind
        if read_bytes(target) != change.before:
            raise Conflict(f"{change.target} was changed by another program in this moment; nothing was written.")

    def _undo(self) -> None:
        """Bring back what was there. Where even that fails the journal stays, for whoever writes next."""
        try:
            made = []
            for at, change in enumerate(self._changes[: self._replaced]):
                if change.before is not None:
                    write_new(self._root / self._old[at], change.before, like=self._root / change.target)
                old = self._old[at] if change.before is not None else None
                made.append(Replacement(change.target, old, sha256(change.after), _hash(change.before)))
            plan = Plan(tuple(made), (*self._new, *self._old), self._directories, is_undoing=True)
            if made:
                self._journal.note(plan, is_durable=True)
            carry_out(self._root, plan)
        except BaseException:
            self._journal.close()
            raise
        self._journal.remove()


def _hash(data: bytes | None) -> str | None:
    return None if data is None else sha256(data)


def _missing_directories(root: Path, changes: Sequence[Change]) -> tuple[str, ...]:
    """The directories that have to be made, the innermost first."""
    missing = {
        folder
        for change in changes
        for folder in (root / change.target).parents
        if folder.is_relative_to(root) and not folder.exists()
    }
    return tuple(sorted((folder.relative_to(root).as_posix() for folder in missing), reverse=True))


def _explain(error: OSError, transaction: _Transaction | None) -> StorageFailed:
    what = "The repository" if transaction is None else transaction.current.target
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return StorageFailed(f"{what} can't be written: there is no room.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return StorageFailed(
                f"{what} can't be written: there is no permission to.",
                user_message="The file can't be written; check its permissions, then try again.",
            )
        case number:
            name = errno.errorcode.get(number or 0, "unknown error")
            return StorageFailed(f"{what} can't be written ({name}); nothing was changed.")
