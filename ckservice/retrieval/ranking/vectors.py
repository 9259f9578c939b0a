"""Ranking by vectors, without a native module: a scan of their signs finds candidates, bytes give their cosines.

The signs of a vector are one integer, and two of them differ in few bits where the vectors point the same way.
"""

import math
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING

from ckservice.retrieval.ranking.filters import Filter
from ckservice.retrieval.storage.stored_vectors import norm, pruned, signs_of

if TYPE_CHECKING:
    import sqlite3

_NEAREST = 100
"""Vectors that are compared exactly, at least: by their signs, the best hundred are almost always among them."""

_LIKELY = 2000
"""Vectors among which those that pass a filter are looked for first."""

_AT_A_TIME = 300
_MOST_CHUNKS = 1000
"""Of one statement: a text that stands in many files has one vector."""

_ENOUGH = 100
"""Vectors that tell how a model measures; fewer may all be of one matter."""

_SOME = 32
"""Of them, from the first to the last."""

_LARGEST_LEAST = 0.95

_Row = tuple[int, float, bytes]
"""The number of a chunk, and the scale and the bytes of its vector."""


@dataclass(frozen=True, slots=True)
class Vector:
    """What a question means, to a model."""

    model: str
    values: Sequence[float]


@dataclass(slots=True)
class Signs:
    """The signs of all vectors of a model, as far as they have been read; 80 bytes each for 384 dimensions.

    Attributes:
        some: vectors with their scales, to see what cosines the model gives to texts that have little in common.
    """

    model: int = 0
    pruned: int = 0
    numbers: list[int] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    some: list[tuple[float, bytes]] = field(default_factory=list)

    def update(self, connection: "sqlite3.Connection", model: int) -> None:
        """Read those that are new; all of them after some have been removed. One that fails can be repeated."""
        generation = pruned(connection)
        if (model, generation) != (self.model, self.pruned):
            self.model, self.pruned = model, generation
            self.numbers.clear()
            self.bits.clear()
            self.some.clear()
        before = len(self.numbers)
        for number, bits in connection.execute(
            "SELECT embedding, bits FROM signs WHERE model = ? AND embedding > ? ORDER BY embedding",
            (model, self.numbers[-1] if self.numbers else 0),
        ):
            self.bits.append(int.from_bytes(bits, "big"))
            self.numbers.append(number)
        if before < len(self.numbers) >= _ENOUGH:
            self.some = _some(connection, self.numbers)

    def nearest(self, bits: int, most: int, among: Collection[int] | None = None) -> list[int]:
        """Numbers of the vectors whose signs differ least, the nearest first; of all, or of some."""
        numbers, signs = self.numbers, self.bits
        if among is not None:
            is_among = [number in among for number in numbers]
            numbers, signs = list(compress(numbers, is_among)), list(compress(signs, is_among))
        distances = list(map(int.bit_count, map(bits.__xor__, signs)))
        farthest = _farthest(distances, most)
        near = sorted((distance, place) for place, distance in enumerate(distances) if distance <= farthest)
        return [numbers[place] for _, place in near[:most]]


def cosines(
    connection: "sqlite3.Connection",
    vector: Vector,
    within: Filter,
    signs: Signs,
    *,
    found: Collection[int] = (),
    wanted: int = 0,
) -> dict[int, float]:
    """How alike the chunks are that mean what a vector means most, and those that others found; 1 is the same.

    It is their cosine for most models. For those that give all texts a large one, 0 is the least that any of some texts of
    this index has.

    None, where the model has embedded nothing yet, or gives vectors of other dimensions by now.

    Args:
        connection: to the index.
        vector: of the question.
        within: for the first; the others are known to pass.
        signs: of the model; they are brought up to date.
        found: chunks that others found.
        wanted: entities that are to be found; some have several chunks.
    """
    model = connection.execute("SELECT id, dimensions FROM model WHERE name = ?", (vector.model,)).fetchone()
    size = norm(vector.values)
    if model is None or model[1] != len(vector.values) or not 0 < size < math.inf:
        return {}
    signs.update(connection, model[0])
    asked = tuple(value / size for value in vector.values)
    unpack = struct.Struct(f"{len(asked)}b").unpack
    near = _nearest(connection, signs, signs_of(asked), within, max(_NEAREST, 2 * wanted))
    rows = near + _of(connection, model[0], set(found).difference(chunk for chunk, _, _ in near))
    some = (_cosine(asked, unpack(numbers), scale) for scale, numbers in signs.some)
    least = min(max(min(some, default=0.0), 0.0), _LARGEST_LEAST)
    return {chunk: (_cosine(asked, unpack(numbers), scale) - least) / (1 - least) for chunk, scale, numbers in rows}


def _of(connection: "sqlite3.Connection", model: int, chunks: Iterable[int]) -> list[_Row]:
    """Some chunks, those that have a vector."""
    rows = connection.execute(
        "SELECT chunk.id, scale, vector FROM chunk CROSS JOIN embedding USING (text_hash)"  # noqa: S608 - numbers
        f" WHERE chunk.id IN ({_listed(chunks)}) AND model = ?",
        (model,),
    )
    return rows.fetchall()


def _nearest(connection: "sqlite3.Connection", signs: Signs, bits: int, within: Filter, most: int) -> list[_Row]:
    """The chunks that pass, so many at least, of the nearest vectors that have one."""
    if within.is_open:
        return _chunks(connection, signs.nearest(bits, most), within)
    likely = signs.nearest(bits, _LIKELY)
    rows: list[_Row] = []
    for start in range(0, len(likely), _AT_A_TIME):
        rows += _chunks(connection, likely[start : start + _AT_A_TIME], within)
        if len(rows) >= most:
            return rows
    if len(likely) < _LIKELY:
        return rows
    # Few chunks pass at all, or those that do mean something else.
    first = "file CROSS JOIN chunk ON chunk.file = file.id" if within.path_prefix else "chunk"
    passing = connection.execute(
        f"SELECT embedding.id FROM {first} CROSS JOIN embedding USING (text_hash)"  # noqa: S608 - fixed text
        f" WHERE embedding.model = ? {within.condition}",
        (signs.model, *within.values),
    )
    return _chunks(connection, signs.nearest(bits, most, {number for (number,) in passing}), within)


def _chunks(connection: "sqlite3.Connection", vectors: Iterable[int], within: Filter) -> list[_Row]:
    """The chunks that pass of some vectors."""
    # CROSS JOIN keeps the order: few numbers first, https://www.sqlite.org/optoverview.html#crossjoin
    rows = connection.execute(
        "SELECT chunk.id, scale, vector FROM embedding CROSS JOIN chunk USING (text_hash)"  # noqa: S608 - numbers and fixed text
        f" {'CROSS JOIN file ON file.id = chunk.file' if within.path_prefix else ''}"
        f" WHERE embedding.id IN ({_listed(vectors)}) {within.condition} LIMIT {_MOST_CHUNKS}",
        within.values,
    )
    return rows.fetchall()


def _some(connection: "sqlite3.Connection", numbers: Sequence[int]) -> list[tuple[float, bytes]]:
    listed = _listed(numbers[:: len(numbers) // _SOME][:_SOME])
    return connection.execute(f"SELECT scale, vector FROM embedding WHERE id IN ({listed})").fetchall()  # noqa: S608 - numbers


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _farthest(distances: Sequence[int], most: int) -> int:
    """The distance within which there are so many."""
    counted = 0
    for distance, count in sorted(Counter(distances).items()):
        counted += count
        if counted >= most:
            return distance
    return max(distances, default=0)


def _cosine(asked: Sequence[float], numbers: Sequence[int], scale: float) -> float:
    """By the law of cosines, from the distance of the two: that is what Python has a fast function for."""
    if not scale:
        return 0.0
    return (1 + scale**-2 - math.dist(asked, numbers) ** 2) * scale / 2
