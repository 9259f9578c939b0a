"""The files of one database on disk: made for their owner only, told from others at the same path, moved aside."""

from contextlib import suppress
from pathlib import Path

_LOG, _SHARED = "-wal", "-shm"
"""What SQLite keeps beside a file: the write-ahead log, and what its readers share. https://www.sqlite.org/walformat.html."""

Identity = tuple[int, int]


class DatabaseFile:
    """One database file, with what is beside it; there need not be any.

    Attributes:
        path: of the file proper.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def size(self) -> int:
        """What the file and its log take on disk, in bytes."""
        return _size(self.path) + _size(_beside(self.path, _LOG))

    @property
    def identity(self) -> Identity | None:
        """Tells the file from another one that stands at the same path."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def claim(self) -> None:
        """Make the file, if there is none, for its owner only; SQLite gives its other files the same mode.

        Raises:
            OSError: there is none, and it can't be made.
        """
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileExistsError):
            self.path.touch(0o600, exist_ok=False)
        with suppress(OSError):  # of somebody else, or on a file system without modes
            self.path.chmod(0o600)

    def move_aside(self) -> Path:
        """Move it to `….corrupt`, with its log, and say where that is.

        Raises:
            OSError: it can't be moved.
        """
        aside = _beside(self.path, ".corrupt")
        _remove(aside)
        _beside(self.path, _SHARED).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            # It goes first: a log that is found beside another file would be taken for its own.
            _beside(self.path, _LOG).replace(_beside(aside, _LOG))
        self.path.replace(aside)
        return aside

    def remove(self) -> None:
        """Remove it and what is beside it.

        Raises:
            OSError: it can't be removed; what is left is a database, if an older one.
        """
        self.remove_aside()
        _remove(self.path)

    def remove_aside(self) -> None:
        """Remove what was moved aside.

        Raises:
            OSError: it can't be removed.
        """
        _remove(_beside(self.path, ".corrupt"))

    def used_at(self) -> float:
        """When something was last written to it, in seconds since 1970; 0 where there is nothing."""
        return max(_written_at(self.path), _written_at(_beside(self.path, _LOG)))


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove(path: Path) -> None:
    for ending in (_LOG, _SHARED, ""):
        _beside(path, ending).unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
