"""One writer at a time in a repository, whichever process it is in.

On POSIX the lock is flock(2) on the directory of the repository itself: it leaves no file behind and ends with the
process that holds it. On Windows, where directories can't be locked, it is on an empty file named after the repository
in the user's temporary directory. File systems that know no locks, as some on networks, keep only threads apart.
"""

import errno
import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckservice.errors import StorageFailed

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

WAIT_SECONDS = 10.0
"""A change takes a few milliseconds; who waits longer than this waits for somebody who hangs."""

_POLL_SECONDS = 0.001
_HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)

_threads: dict[Path, threading.Lock] = {}
_without_locks: set[Path] = set()


@contextmanager
def locked(root: Path, seconds: float = WAIT_SECONDS) -> Iterator[bool]:
    """Be the only one who writes in a repository. Blocks.

    Yields:
        Whether other processes are kept out too.

    Raises:
        StorageFailed: somebody else is writing, and has not come to an end within `seconds`.
    """
    deadline = time.monotonic() + seconds
    thread_lock = _threads.setdefault(root, threading.Lock())
    if not thread_lock.acquire(timeout=seconds):
        raise _busy()
    try:
        with _locked_for_processes(root, deadline) as is_alone:
            yield is_alone
    finally:
        thread_lock.release()


@contextmanager
def _locked_for_processes(root: Path, deadline: float) -> Iterator[bool]:
    descriptor = _open(root)
    if descriptor is None:
        yield False
        return
    try:
        is_alone = _lock(descriptor, root, deadline)
        try:
            yield is_alone
        finally:
            if is_alone:
                _unlock(descriptor)  # a process that is being started may have the descriptor for a moment longer
    finally:
        os.close(descriptor)


def _lock(descriptor: int, root: Path, deadline: float) -> bool:
    """Wait for the other processes; false where the file system has no locks."""
    while True:
        try:
            _try_lock(descriptor)
        except OSError as error:
            if error.errno not in _HELD_BY_ANOTHER:
                return _do_without(root, error)
            if time.monotonic() >= deadline:
                raise _busy() from None
            time.sleep(_POLL_SECONDS)
        else:
            return True


def _open(root: Path) -> int | None:
    try:
        if sys.platform == "win32":
            return os.open(_lock_file(root), os.O_RDWR | os.O_CREAT)
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        _do_without(root, error)
        return None


def _try_lock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock_file(root: Path) -> str:
    import tempfile  # noqa: PLC0415 - only Windows needs it

    name = hashlib.sha256(os.path.normcase(root).encode()).hexdigest()[:32]
    return os.path.join(tempfile.gettempdir(), f"ckservice-{name}.lock")  # noqa: PTH118 - the directory is text


def _do_without(root: Path, error: OSError) -> bool:
    if root not in _without_locks:
        _without_locks.add(root)
        reason = errno.errorcode.get(error.errno or 0, "unknown")
        log.warning("the repository can't be locked against other processes", extra={"reason": reason})
    return False


def _busy() -> StorageFailed:
    return StorageFailed(
        "Another window or program is writing in the repository, and has not come to an end.",
        user_message="Another window is saving in this repository; try again in a moment.",
    )
