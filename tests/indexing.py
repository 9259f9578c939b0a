"""An index on disk, filled with texts, for the tests of what is found in it."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio

from ckservice.retrieval.chunking.files import read_contents
from ckservice.retrieval.ranking.search import Query, Results, search
from ckservice.retrieval.ranking.vectors import Signs
from ckservice.retrieval.storage import index, stored_vectors
from ckservice.retrieval.storage.index import Change, File, Put
from ckservice.retrieval.storage.tables import SCHEMA, VERSION
from ckservice.store.database import Database

T = TypeVar("T")


def file_of(path: str, text: str) -> File:
    data = text.encode()
    return File(path, hashlib.sha256(data).digest(), len(data), 0)


def put(path: str, text: str) -> Put:
    return Put(file_of(path, text), read_contents(path, text))


class Index:
    """One index, in a file of its own."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, version=VERSION, schema=SCHEMA)
        self._signs = Signs()

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return anyio.run(self._database.run, work)

    def fill(self, texts: Mapping[str, str]) -> None:
        self.apply(put(path, text) for path, text in texts.items())

    def apply(self, changes: Iterable[Change]) -> list[int]:
        """The sizes of the batches; afterwards the words are checked against the chunks."""
        waiting = iter(changes)
        batches = list(iter(lambda: self.run(partial(index.write_batch, waiting=waiting)), 0))
        self.check()
        return batches

    def embed(self, model: str, embed: Callable[[str], list[float]]) -> int:
        """Vectors for all texts that have none: how many those were."""
        texts = self.run(partial(stored_vectors.missing, model=model, most=10_000))
        rows = [(text.text_hash, embed(text.text)) for text in texts]
        self.run(lambda connection: stored_vectors.store(connection, model, rows))
        return len(rows)

    def search(self, text: str, **options: Any) -> Results:
        return self.run(lambda connection: search(connection, Query(text, **options), self._signs))

    def found(self, text: str, **options: Any) -> list[str]:
        return [source.entity_id for source in self.search(text, **options).sources]

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.run(lambda connection: connection.execute(sql, values).fetchall())

    def check(self) -> None:
        """Whether the words are those of the chunks: https://www.sqlite.org/fts5.html#the_integrity_check_command."""
        self.run(lambda connection: connection.execute("INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)"))
        assert self.rows("PRAGMA integrity_check") == [("ok",)]
