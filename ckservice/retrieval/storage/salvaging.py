"""What is worth saving of a damaged index: its vectors, which took time and perhaps money to make."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from ckservice.store.database import transaction

_MODELS = (
    "SELECT id, name, dimensions, used_at FROM model"
    " WHERE typeof(name) = 'text' AND typeof(dimensions) = 'integer' AND typeof(used_at) = 'integer' AND id BETWEEN ? AND ?"
)
_VECTORS = (
    "SELECT embedding.model, text_hash, scale, vector, bits FROM embedding"
    " JOIN signs ON signs.model = embedding.model AND signs.embedding = embedding.id"
    " JOIN model ON model.id = embedding.model"
    " WHERE typeof(text_hash) = 'blob' AND length(text_hash) = 16 AND typeof(scale) = 'real'"
    " AND typeof(vector) = 'blob' AND length(vector) = dimensions"
    " AND typeof(bits) = 'blob' AND length(bits) = (dimensions + 7) / 8 AND embedding.id BETWEEN ? AND ?"
)
_AT_A_TIME = 256
"""Rows that are read together; where that fails, half as many."""

_MOST_FAILURES = 10_000
"""Reads that may fail, until the rest is given up: a damaged page makes some thirty fail."""

_LAST_ID = 5_000_000
"""Where the last one can't be read, or can't be true."""


def save_vectors(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Copy the models and vectors that can still be read; those that can't be right are left out.

    Raises:
        sqlite3.Error: the new index can't be written.
    """
    with transaction(new):
        models: dict[int, int] = {}
        for number, name, dimensions, used_at in _readable(old, "model", _MODELS):
            new.execute(
                "INSERT INTO model (name, dimensions, used_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (name, dimensions, used_at),
            )
            row = new.execute("SELECT id FROM model WHERE name = ? AND dimensions = ?", (name, dimensions)).fetchone()
            if row is not None:  # else others have begun to fill it with other vectors
                models[number] = row[0]
        for number, text_hash, scale, vector, bits in _readable(old, "embedding", _VECTORS):
            if number not in models:
                continue
            inserted = new.execute(
                "INSERT INTO embedding (model, text_hash, scale, vector) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (model, text_hash) DO NOTHING RETURNING id",
                (models[number], text_hash, scale, vector),
            ).fetchone()
            if inserted is not None:
                new.execute("INSERT INTO signs VALUES (?, ?, ?)", (models[number], *inserted, bits))


def _readable(connection: sqlite3.Connection, table: str, query: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a query for a range of ids, those on damaged pages left out."""
    last, failures = _last_id(connection, table), 0
    for start in range(1, last + 1, _AT_A_TIME):
        waiting = [(start, min(start + _AT_A_TIME - 1, last))]
        while waiting and failures < _MOST_FAILURES:
            first, until = waiting.pop()
            try:
                yield from connection.execute(query, (first, until)).fetchall()
            except sqlite3.Error:
                failures += 1
                if first < until:
                    middle = (first + until) // 2
                    waiting += [(middle + 1, until), (first, middle)]


def _last_id(connection: sqlite3.Connection, table: str) -> int:
    try:
        (last,) = connection.execute(f"SELECT max(id) FROM {table}").fetchone()  # noqa: S608 - one of two names
    except sqlite3.Error as error:
        return 0 if "no such table" in str(error) else _LAST_ID
    return min(last or 0, _LAST_ID)
