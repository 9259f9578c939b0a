"""What SQLite's errors mean: https://www.sqlite.org/rescode.html."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

ERROR = 1
"""No such table or column, or a statement that is wrong."""

_CORRUPT = 11

DAMAGES = frozenset({_CORRUPT, 20, 26})
"""SQLITE_CORRUPT, of a virtual table too, _MISMATCH, _NOTADB."""

BUSY = frozenset({5, 6})
"""SQLITE_BUSY, _LOCKED."""

UNWRITABLE = frozenset({8, 14})
"""SQLITE_READONLY, _CANTOPEN."""

_PROBLEMS = {
    3: "permission is missing",
    5: "another process holds it",
    6: "another process holds it",
    8: "it can't be written",
    10: "the disk fails",
    13: "the disk is full",
    14: "it can't be opened",
}


def primary_code(error: "sqlite3.Error") -> int:
    """The kind of an error; the rest of its code tells kinds of that apart. 0 where it isn't SQLite's own."""
    if str(error).startswith("Could not decode to UTF-8"):  # Python's, without a code; we write nothing else
        return _CORRUPT
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def problem(error: "sqlite3.Error") -> str:
    """What is wrong, in words that name no file."""
    return _PROBLEMS.get(primary_code(error), type(error).__name__)
