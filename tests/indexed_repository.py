"""A directory that a process indexes, and the file its index is in."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.sidecar import Sidecar

LONG_AGO = 1_700_000_000
"""Nobody expects a file of that time to change again."""


class IndexedRepository:
    """Files for an index.

    Attributes:
        place: the repository, as a request says it.
        folder: of the indexes.
    """

    def __init__(self, root: Path, data_directory: str) -> None:
        self.root = root
        self.place = {"repoPath": str(root)}
        self.folder = Path(data_directory, "indexes")
        root.mkdir(parents=True)

    def write(self, path: str, text: str | bytes, *, at: int | None = LONG_AGO) -> Path:
        """Write a file, that long ago; `None`: now."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        if at is not None:
            os.utime(file, (at, at))
        return file

    def write_many(self, count: int, words: str = "about", *, at: int = LONG_AGO) -> None:
        for number in range(count):
            text = f"# Note {number}\n\n{words} number{number} " + "and more text " * 40
            self.write(f"notes/n{number}.md", text, at=at)

    @property
    def file(self) -> Path:
        """The index; there is one."""
        (file,) = self.folder.glob("*.sqlite")
        return file

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The index, beside the process that has it open."""
        with closing(sqlite3.connect(self.file, timeout=5)) as connection, connection:
            yield connection

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody writes to the index meanwhile."""
        with self.opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.opened() as connection:
            return connection.execute(sql).fetchall()

    def check(self) -> None:
        """The index is whole."""
        with self.opened() as connection:
            connection.execute("INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)")
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def update(self, sidecar: Sidecar, **params: Any) -> tuple[int, int, int, int]:
        """Bring the index up to date: how many files were added, updated, removed, unchanged."""
        counts = sidecar.call("rag/index", {**self.place, **params})
        return counts["added"], counts["updated"], counts["removed"], counts["unchanged"]

    def search(self, sidecar: Sidecar, query: str, **params: Any) -> dict[str, Any]:
        result: dict[str, Any] = sidecar.call("rag/search", {**self.place, "query": query, **params})
        return result

    def found(self, sidecar: Sidecar, query: str, **params: Any) -> list[str]:
        """The paths of what is found, in what is known to be up to date."""
        result = self.search(sidecar, query, **params)
        assert result["stale"] is False, result
        return [source["filePath"] for source in result["sources"]]

    def status(self, sidecar: Sidecar) -> dict[str, Any]:
        status: dict[str, Any] = sidecar.call("rag/status", self.place)
        return status
