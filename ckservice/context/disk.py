"""Bytes of files on disk. Nothing is opened but regular files, and nothing is read that is larger than expected."""

import os
import stat

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for a writer
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

SETTLED_NS = 2_000_000_000
"""A file that changed later than this before it was read may change again without a trace: FAT's clock, the coarsest, has
two seconds."""


class Unreadable(Exception):
    """A file can't be read; `message` says why, as in "is a link that leads out of the repository"."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_bytes(path: str, max_bytes: int) -> bytes:
    """The contents of a regular file, which is not opened for longer than it takes.

    Raises:
        FileNotFoundError: it is not there, or not a file any more.
        Unreadable: it is too large, no regular file, or may not be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise FileNotFoundError from None
    except (OSError, ValueError) as error:
        raise Unreadable(reason(error)) from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise FileNotFoundError
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("is not a regular file")
        if status.st_size > max_bytes:
            raise Unreadable(f"has {status.st_size:,} bytes; at most {max_bytes:,} are read")
        return _read_all(descriptor, status.st_size, max_bytes)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise Unreadable(reason(error)) from None
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, size: int, max_bytes: int) -> bytes:
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    pieces, total = [data], len(data)  # it grows, shrinks, or comes in pieces
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
        total += len(piece)
        if total > max_bytes:
            raise Unreadable(f"has more than {max_bytes:,} bytes; at most that many are read")
    return b"".join(pieces)


def reason(error: Exception) -> str:
    """Why something can't be read."""
    return "is not readable: permission denied" if isinstance(error, PermissionError) else "is not readable"
