"""What is like an entity: its own text is the question, and its own vector what that means."""

import struct
from typing import TYPE_CHECKING

from ckservice.errors import EntityNotFound
from ckservice.retrieval.chunk import embedded_text
from ckservice.retrieval.ranking.search import Query, Results, search
from ckservice.retrieval.ranking.vectors import Signs, Vector
from ckservice.store.database import snapshot

if TYPE_CHECKING:
    import sqlite3


def similar(
    connection: "sqlite3.Connection", entity_id: str, signs: Signs, *, top_k: int = 5, model: str | None = None
) -> Results:
    """The sources that are most like an entity, without itself.

    Args:
        connection: to the index.
        entity_id: in any case, or the path of a file, for what it begins with. Of an entity with several chunks the first one counts, which says what it is about.
        signs: see `search`.
        top_k: sources that are wanted.
        model: whose vectors are compared, too.

    Raises:
        EntityNotFound: the index has no such entity.
    """
    with snapshot(connection):
        row = connection.execute(
            "SELECT entity_id, title, body, text_hash FROM chunk WHERE entity_id = ?1 COLLATE NOCASE"
            " OR file = (SELECT id FROM file WHERE path = ?1) ORDER BY entity_id = ?1 COLLATE NOCASE DESC, id LIMIT 1",
            (entity_id,),
        ).fetchone()
        if row is None:
            raise EntityNotFound(f"There is no entity {entity_id[:100]!r} in the index.")
        found, title, body, text_hash = row
        vector = _kept(connection, model, text_hash) if model is not None else None
        query = Query(embedded_text(title, body), top_k, vector=vector, pins_ids=False, without=found)
        return search(connection, query, signs)


def _kept(connection: "sqlite3.Connection", model: str, text_hash: bytes) -> Vector | None:
    row = connection.execute(
        "SELECT vector FROM embedding WHERE text_hash = ? AND model = (SELECT id FROM model WHERE name = ?)",
        (text_hash, model),
    ).fetchone()
    return Vector(model, struct.unpack(f"{len(row[0])}b", row[0])) if row is not None else None
