"""What an index holds, and how a file comes in and goes. Whoever is killed meanwhile loses a batch at most."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from ckservice.retrieval.chunk import Contents
from ckservice.retrieval.types import LeftOut
from ckservice.store.database import snapshot, transaction

if TYPE_CHECKING:
    import sqlite3

_MOST_FILES = 500
_MOST_SECONDS = 0.25
"""Of a batch: another process that writes waits for it."""

INDEXED: Literal["indexed"] = "indexed"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it was last looked at.

    Attributes:
        path: relative to the repository, with `/`.
        hash: of its bytes.
        size: in bytes.
        mtime_ns: when it was changed, in nanoseconds since 1970; 0 where it may have changed since without a trace.
        status: `indexed`, or why it is left out.
    """

    path: str
    hash: bytes
    size: int
    mtime_ns: int
    status: Literal["indexed"] | LeftOut = INDEXED


@dataclass(frozen=True, slots=True)
class Put:
    """A file is new, or has changed; so have its chunks."""

    file: File
    contents: Contents


@dataclass(frozen=True, slots=True)
class Touch:
    """A file has been looked at again, and holds what it held."""

    file: File


@dataclass(frozen=True, slots=True)
class Remove:
    """A file has gone."""

    path: str


Change = Put | Touch | Remove


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an index holds.

    Attributes:
        files: that are indexed.
        left_out: how many were read and are not, by reason.
    """

    files: int
    left_out: dict[LeftOut, int]
    chunks: int
    links: int


NOTHING = Statistics(files=0, left_out={}, chunks=0, links=0)
"""What an index holds that was never made."""


def write_batch(connection: "sqlite3.Connection", waiting: Iterable[Change | None]) -> int:
    """Write some of the changes that are waiting, in one transaction, and say how many there were: 0 at the end.

    They are at most 500, or what 250 ms are enough for. Each is asked for within the transaction, when the one before it
    is written; `None` is one that has turned out to be none.
    """
    count, begun = 0, monotonic()
    with transaction(connection):
        for change in waiting:
            if change is not None:
                _write(connection, change)
            count += 1
            if count == _MOST_FILES or monotonic() - begun > _MOST_SECONDS:
                break
    return count


def find(connection: "sqlite3.Connection", path: str) -> File | None:
    """What is known of a file."""
    query = "SELECT path, hash, size, mtime_ns, status FROM file WHERE path = ?"
    row = connection.execute(query, (path,)).fetchone()
    return File(*row) if row is not None else None


def statistics(connection: "sqlite3.Connection") -> Statistics:
    """Count what there is."""
    with snapshot(connection):
        by_status: dict[Any, int] = dict(
            connection.execute("SELECT status, count(*) FROM file GROUP BY status").fetchall()
        )
        chunks, links = connection.execute(
            "SELECT (SELECT count(*) FROM chunk), (SELECT count(*) FROM link)"
        ).fetchone()
    return Statistics(by_status.pop(INDEXED, 0), by_status, chunks, links)


def note(connection: "sqlite3.Connection", key: str) -> Any:
    """Something that is noted of the index as a whole."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row is not None else None


def write_notes(connection: "sqlite3.Connection", **notes: str | bytes) -> None:
    """Note things of the index as a whole."""
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", notes.items())


def forget(connection: "sqlite3.Connection") -> None:
    """Take every file for changed. What is known of it can be found until it has been read again."""
    with transaction(connection):
        connection.execute("UPDATE file SET hash = x'', mtime_ns = 0")
        connection.execute("INSERT INTO fts (fts) VALUES ('rebuild')")  # what is removed from it must be what was added


def remove_all(connection: "sqlite3.Connection") -> None:
    """Remove everything, and make the file small."""
    with transaction(connection):
        connection.execute("INSERT INTO fts (fts) VALUES ('delete-all')")
        for table in ("link", "chunk", "file", "signs", "embedding", "model"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand above
        connection.execute("UPDATE meta SET value = lower(hex(randomblob(8))) WHERE key = 'epoch'")
        connection.execute("DELETE FROM meta WHERE key NOT IN ('epoch', 'pruned')")
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'pruned'")
    connection.executescript("PRAGMA incremental_vacuum")  # each step frees one page, and `execute` takes only one
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _write(connection: "sqlite3.Connection", change: Change) -> None:
    match change:
        case Put(file, contents):
            _put(connection, file, contents)
        case Touch(file):
            _touch(connection, file)
        case Remove(path):
            _remove(connection, path)


def _put(connection: "sqlite3.Connection", file: File, contents: Contents) -> None:
    number = _number(connection, file.path)
    if number is not None:
        _remove_chunks(connection, number)
        _touch(connection, file)
    else:
        number = connection.execute(
            "INSERT INTO file (path, hash, size, mtime_ns, status) VALUES (?, ?, ?, ?, ?)",
            (file.path, file.hash, file.size, file.mtime_ns, file.status),
        ).lastrowid
    for chunk in contents.chunks:
        words = (chunk.title, chunk.identifiers, chunk.body)
        place = (chunk.order, chunk.entity_type, chunk.entity_id, chunk.first_line, chunk.last_line)
        row = connection.execute(
            "INSERT INTO chunk (file, place, entity_type, entity_id, first_line, last_line, text_hash, title, identifiers, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, *place, chunk.text_hash, *words),
        ).lastrowid
        connection.execute(
            "INSERT INTO fts (rowid, entity_id, title, identifiers, body) VALUES (?, ?, ?, ?, ?)",
            (row, chunk.entity_id, *words),
        )
    if contents.links is not None:
        connection.execute("DELETE FROM link WHERE file = ?", (number,))
        connection.executemany(
            "INSERT OR IGNORE INTO link (source, target, relation, file) VALUES (?, ?, ?, ?)",
            ((link.source, link.target, link.relation, number) for link in contents.links),
        )


def _touch(connection: "sqlite3.Connection", file: File) -> None:
    connection.execute(
        "UPDATE file SET hash = ?, size = ?, mtime_ns = ?, status = ? WHERE path = ?",
        (file.hash, file.size, file.mtime_ns, file.status, file.path),
    )


def _remove(connection: "sqlite3.Connection", path: str) -> None:
    number = _number(connection, path)
    if number is not None:
        _remove_chunks(connection, number)
        connection.execute("DELETE FROM link WHERE file = ?", (number,))
        connection.execute("DELETE FROM file WHERE id = ?", (number,))


def _number(connection: "sqlite3.Connection", path: str) -> int | None:
    row = connection.execute("SELECT id FROM file WHERE path = ?", (path,)).fetchone()
    return row[0] if row is not None else None


def _remove_chunks(connection: "sqlite3.Connection", number: int) -> None:
    # A table without content of its own has to be told what it forgets: https://www.sqlite.org/fts5.html#the_delete_command
    connection.execute(
        "INSERT INTO fts (fts, rowid, entity_id, title, body, identifiers)"
        " SELECT 'delete', id, entity_id, title, body, identifiers FROM chunk WHERE file = ?",
        (number,),
    )
    connection.execute("DELETE FROM chunk WHERE file = ?", (number,))
