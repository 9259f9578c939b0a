"""Vectors as an index keeps them: a byte for each dimension, and its sign apart, by the hash of the text they are of."""

import math
import struct
from collections.abc import Iterable, Sequence
from operator import mul
from random import getrandbits
from time import time
from typing import TYPE_CHECKING, NamedTuple

from ckservice.retrieval.chunk import embedded_text
from ckservice.store.database import transaction

if TYPE_CHECKING:
    import sqlite3

_LARGEST = 127
"""The largest number in a vector is kept as this."""

_NOTHING = 1e-300
"""The largest number of a vector that is as good as 0: dividing by a smaller one overflows."""

_BITS = b"1" * 128 + b"0" * 128
"""A binary digit for the first byte of a number, whose first bit is its sign."""

_DAY = 86_400

_KEPT_MODELS = 3
_KEPT_DAYS = 30
"""Models whose vectors are kept: so many, for so long after they were used."""

_KEPT_TEXTS = 10_000
"""Vectors that are kept of texts that have gone, at least; as many as there are chunks, where that is more."""

_AT_A_TIME = 1000
"""Vectors that are removed in one transaction."""


class Text(NamedTuple):
    """What is to be embedded: the text of a chunk, and what its vector is kept under."""

    chunk: int
    text_hash: bytes
    text: str


class Counts(NamedTuple):
    """Texts that a model has embedded, and those that it has not."""

    embedded: int
    missing: int


def count(connection: "sqlite3.Connection", model: str) -> Counts:
    """Count the texts that there are, each once."""
    (embedded,) = connection.execute(
        "SELECT count(*) FROM embedding WHERE model = (SELECT id FROM model WHERE name = ?)"
        " AND EXISTS (SELECT 1 FROM chunk WHERE chunk.text_hash = embedding.text_hash)",
        (model,),
    ).fetchone()
    (texts,) = connection.execute("SELECT count(DISTINCT text_hash) FROM chunk").fetchone()
    return Counts(embedded, texts - embedded)


def missing(connection: "sqlite3.Connection", model: str, most: int, after: int = 0) -> list[Text]:
    """Texts without a vector, each once, in the order of their chunks.

    Args:
        connection: to the index.
        model: that has made no vector of them.
        most: chunks that are looked at.
        after: the chunk behind which to begin: the last one of the texts before.
    """
    rows = connection.execute(
        "SELECT id, text_hash, title, body FROM chunk WHERE id > ? AND NOT EXISTS (SELECT 1 FROM embedding WHERE model ="
        " (SELECT id FROM model WHERE name = ?) AND embedding.text_hash = chunk.text_hash) ORDER BY id LIMIT ?",
        (after, model, most),
    )
    texts = (Text(chunk, text_hash, embedded_text(title, body)) for chunk, text_hash, title, body in rows)
    return list({text.text_hash: text for text in texts}.values())


def dimensions_of(connection: "sqlite3.Connection", model: str) -> int:
    """How many numbers the vectors of a model have; 0 where there are none."""
    row = connection.execute(
        "SELECT dimensions FROM model WHERE name = ? AND EXISTS (SELECT 1 FROM signs WHERE signs.model = model.id)",
        (model,),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def store(connection: "sqlite3.Connection", model: str, vectors: Iterable[tuple[bytes, Sequence[float]]]) -> None:
    """Keep vectors under the hashes of their texts.

    Where a model gives vectors of other dimensions than it did, it is another one: what it gave before is removed.

    Raises:
        ValueError: they have not all the same dimensions, or one has a number that is not finite.
    """
    rows = [(text_hash, *_packed(values)) for text_hash, values in vectors]
    if not rows:
        return
    if len({len(vector) for _, _, vector, _ in rows}) > 1:
        raise ValueError("vectors have several dimensions")
    with transaction(connection):
        number = _register(connection, model, len(rows[0][2]))
        for text_hash, scale, vector, bits in rows:
            row = connection.execute(
                "INSERT INTO embedding (model, text_hash, scale, vector) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING id",
                (number, text_hash, scale, vector),
            ).fetchone()
            if row is not None:
                connection.execute("INSERT INTO signs (model, embedding, bits) VALUES (?, ?, ?)", (number, *row, bits))


def begin_anew(connection: "sqlite3.Connection", model: str, dimensions: int) -> None:
    """Remove the vectors of a model that have other dimensions: it is not the model that they were made with."""
    with transaction(connection):
        _register(connection, model, dimensions)


def note_use(connection: "sqlite3.Connection", model: str) -> None:
    """Remember that a model is the one that is set; nothing is written where that is known, to the day."""
    now = int(time())
    connection.execute(
        "WITH other AS (SELECT coalesce(max(used_at), 0) AS used_at FROM model WHERE name != ?2)"
        " UPDATE model SET used_at = max(?1, 1 + (SELECT used_at FROM other))"
        " WHERE name = ?2 AND (used_at < ?3 OR used_at <= (SELECT used_at FROM other))",
        (now, model, now - _DAY),
    )


def prune(connection: "sqlite3.Connection") -> None:
    """Remove vectors that are not likely to be wanted again.

    Kept are those of the models that were used last, and of texts that have gone a number that a change of branches
    may bring back.
    """
    old = connection.execute(
        "SELECT id FROM model WHERE used_at < ? OR id NOT IN (SELECT id FROM model ORDER BY used_at DESC, id DESC LIMIT ?)",
        (int(time()) - _KEPT_DAYS * _DAY, _KEPT_MODELS),
    ).fetchall()
    (chunks,) = connection.execute("SELECT count(*) FROM chunk").fetchone()
    unwanted = connection.execute(
        "SELECT id, model FROM embedding WHERE NOT EXISTS"
        " (SELECT 1 FROM chunk WHERE chunk.text_hash = embedding.text_hash) ORDER BY id DESC LIMIT -1 OFFSET ?",
        (max(chunks, _KEPT_TEXTS),),
    ).fetchall()
    for row in old:
        unwanted += connection.execute("SELECT id, model FROM embedding WHERE model = ?", row).fetchall()
    for start in range(0, len(unwanted), _AT_A_TIME):  # others who write may come in between
        with transaction(connection):
            _tell_pruned(connection)
            rows = unwanted[start : start + _AT_A_TIME]
            connection.executemany("DELETE FROM signs WHERE embedding = ? AND model = ?", rows)
            connection.executemany("DELETE FROM embedding WHERE id = ?", ((row[0],) for row in rows))
    connection.executemany("DELETE FROM model WHERE id = ?", old)


def pruned(connection: "sqlite3.Connection") -> int:
    """A number that is another one after vectors have been removed, and in another file: see `tables`."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'pruned'").fetchone()
    return int(row[0]) if row is not None else 0


def norm(values: Sequence[float]) -> float:
    return math.sqrt(sum(map(mul, values, values)))


def signs_of(values: Sequence[float]) -> int:
    """A bit for each number, 1 where it is positive; they are those of IEEE 754, which come first in a number."""
    return int(struct.pack(f">{len(values)}d", *values)[::8].translate(_BITS) or b"0", 2)


def _register(connection: "sqlite3.Connection", model: str, dimensions: int) -> int:
    """The number of a model; if it had other dimensions, its vectors are removed."""
    row = connection.execute("SELECT id, dimensions FROM model WHERE name = ?", (model,)).fetchone()
    if row is None:
        _tell_pruned(connection)
        insert = "INSERT INTO model (name, dimensions, used_at) VALUES (?, ?, ?) RETURNING id"
        return int(connection.execute(insert, (model, dimensions, int(time()))).fetchone()[0])
    if row[1] != dimensions:
        _tell_pruned(connection)
        connection.execute("UPDATE model SET dimensions = ? WHERE id = ?", (dimensions, row[0]))
        connection.execute("DELETE FROM embedding WHERE model = ?", row[:1])
        connection.execute("DELETE FROM signs WHERE model = ?", row[:1])
    return int(row[0])


def _tell_pruned(connection: "sqlite3.Connection") -> None:
    """Let all who have read signs read them again."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('pruned', ?)", (str(getrandbits(62) | 1),))


def _packed(values: Sequence[float]) -> tuple[float, bytes, bytes]:
    """What a vector is to be multiplied by to have the length 1, its numbers as bytes, and their signs."""
    if not math.isfinite(sum(values)):
        raise ValueError("a vector has a number that is not finite")
    largest = max(map(abs, values), default=0.0)
    factor = _LARGEST / largest if largest > _NOTHING else 0.0
    numbers = [round(value * factor) for value in values]
    scale = 1 / math.hypot(*numbers) if factor else 0.0
    return scale, struct.pack(f"{len(numbers)}b", *numbers), signs_of(values).to_bytes((len(values) + 7) // 8, "big")
