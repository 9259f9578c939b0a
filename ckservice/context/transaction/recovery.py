"""Changes whose process was ended in the middle: finished, or undone.

A file that somebody else has changed since is left as it is. If that is found before any file of the change was
replaced, the whole change is dropped; if after, the other files are still brought to where the change was going.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path

from ckservice.context.transaction.durable import read_bytes, replace, sha256, sync_directory
from ckservice.context.transaction.journal import Leftover, Plan, Replacement, find_journals
from ckservice.context.transaction.locking import locked
from ckservice.errors import StorageFailed

log = logging.getLogger(__name__)

_ABANDONED_SECONDS = 60.0
"""Where processes can't be kept apart by a lock, nobody is still at work on what is older than this."""


def recover(root: Path) -> None:
    """Finish or undo what is left in a repository, unless somebody is writing in it. Takes microseconds if nothing is."""
    if find_journals(root):
        with suppress(StorageFailed), locked(root, seconds=0) as is_alone:
            recover_locked(root, is_alone=is_alone)


def recover_locked(root: Path, *, is_alone: bool) -> None:
    """The same for who holds the lock.

    Args:
        root: of the repository.
        is_alone: whether the lock keeps other processes out.
    """
    for path in find_journals(root):
        try:
            leftover = Leftover.read(root, path)
            if leftover is None or (not is_alone and time.time() - leftover.written_at < _ABANDONED_SECONDS):
                continue
            carry_out(root, leftover.plan)
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a change that was cut off can't be finished", extra={"reason": type(error).__name__})
        else:
            log.info(
                "a change that was cut off was finished or undone", extra={"files": len(leftover.plan.replacements)}
            )


def carry_out(root: Path, plan: Plan) -> None:
    """Do what a plan says, as far as it is still to be done. May be repeated, and continued by another process.

    Raises:
        OSError: a file can't be replaced or removed; all others may have been.
    """
    now = {made.target: _hash(root / made.target) for made in plan.replacements}
    is_begun = plan.is_undoing or any(now[made.target] == made.after for made in plan.replacements)
    is_in_the_way = any(now[made.target] not in (made.before, made.after) for made in plan.replacements)
    if is_in_the_way:
        log.warning("a file was changed while a change of it was cut off, and is left as it is")
    for made in plan.replacements:
        if now[made.target] == made.before and (is_begun or not is_in_the_way):
            _make(root, made)
    for temporary in plan.temporary_paths:
        (root / temporary).unlink(missing_ok=True)
    for directory in plan.directories:
        with suppress(OSError):  # it is not empty, and so in use
            (root / directory).rmdir()
    for folder in {(root / made.target).parent for made in plan.replacements}:
        sync_directory(folder)


def _make(root: Path, made: Replacement) -> None:
    if made.temporary is None:
        (root / made.target).unlink(missing_ok=True)
    elif _hash(root / made.temporary) == made.after:
        replace(root / made.temporary, root / made.target)


def _hash(path: Path) -> str | None:
    data = read_bytes(path)
    return None if data is None else sha256(data)
