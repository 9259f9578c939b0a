"""Bytes that are on the disk when a function returns, under the name they are meant to have."""

import errno
import hashlib
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

from ckservice.context import disk

_REPLACE_SECONDS = 2.0 if sys.platform == "win32" else 0.0
"""How long Windows is asked again: virus scanners and editors hold a file open for a moment."""

_MAX_BYTES = 64 * 1024 * 1024
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY


def read_bytes(path: Path) -> bytes | None:
    """What is in a file; `None` where there is none.

    Raises:
        OSError: it can't be read, is no regular file, or larger than any that is written here.
    """
    try:
        return disk.read_bytes(os.fspath(path), _MAX_BYTES)
    except FileNotFoundError:
        return None
    except disk.Unreadable as unreadable:
        raise OSError(errno.EIO, unreadable.message) from None


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_new(path: Path, data: bytes, *, like: Path) -> None:
    """Write a file that is not there yet, with owner and permissions of another one if that is there.

    Raises:
        OSError: it can't be written, or is there.
    """
    model = like.stat() if like.exists() else None
    descriptor = os.open(path, NEW_FILE, 0o666 if model is None else 0o600)
    try:
        if model is not None and sys.platform != "win32":
            if (model.st_uid, model.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):  # only an administrator gives files away
                    os.fchown(descriptor, model.st_uid, model.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(model.st_mode))
        write_whole(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of some bytes; the system may take them in pieces."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def replace(source: Path, target: Path) -> None:
    """Give a file the name of another one, which is gone then."""
    deadline = time.monotonic() + _REPLACE_SECONDS
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
        else:
            return


def sync_directory(path: Path) -> None:
    """Have the names in a directory on the disk, as far as the system can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # not every file system does this for directories; the files themselves are safe
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
