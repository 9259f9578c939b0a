"""Collections with judgements, and indexes of them."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ckservice.context.yaml.emitting import emit
from ckservice.retrieval.ranking.search import Query, Source, search
from ckservice.retrieval.ranking.vectors import Signs, Vector
from ckservice.retrieval.storage import index, stored_vectors
from ckservice.retrieval.storage.index import Change
from ckservice.retrieval.storage.tables import SCHEMA
from tests.bench.minilm import MiniLM
from tests.indexing import put

_FOLDERS = {"feature": "features", "userstory": "userstories", "spec": "specs"}
_AT_A_TIME = 1000


class Collection:
    """Documents, questions, and who judged which document to answer which."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.docs = _read(folder / "docs.jsonl")
        self.grades: dict[str, dict[str, float]] = defaultdict(dict)
        for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
            query, doc, grade = line.split("\t")
            self.grades[query][doc] = float(grade)
        judged = [query for query in _read(folder / "queries.jsonl") if any(self.grades[query["id"]].values())]
        self.queries = {query["id"]: query["text"] for query in judged}

    def files(self, *, links: bool) -> dict[str, tuple[str, str]]:
        """The path and the text of the file that each document becomes: an entity where there can be links, else prose."""
        as_file = _entity if self.name.startswith(("req-", "ctx-")) else _markdown
        return {doc["id"]: as_file(doc if links else {**doc, "links": []}) for doc in self.docs}


class Indexed:
    """The index of a collection, with vectors of its texts and questions where there is a model."""

    def __init__(self, collection: Collection, path: Path, model: MiniLM | None, *, links: bool) -> None:
        files = collection.files(links=links)
        self._docs = {path: doc for doc, (path, _) in files.items()}
        self._model = model
        self._connection = opened(path)
        self._signs = Signs()
        fill(self._connection, (put(path, text) for path, text in files.values()))
        if model is not None:
            _embed(self._connection, model)

    def search(self, text: str, mode: Any, top_k: int = 30) -> dict[str, Source]:
        """Documents by id, the most relevant first, with their best sources."""
        vector = Vector("model", self._model.embed([text])[0]) if self._model and mode != "lexical" else None
        sources = search(self._connection, Query(text, top_k, mode=mode, vector=vector), self._signs).sources
        found: dict[str, Source] = {}
        for source in sources:
            found.setdefault(self._docs[source.path], source)
        return found


def opened(path: Path) -> sqlite3.Connection:
    """A connection to an index as the service has one; the index is made where there is none."""
    is_new = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if is_new:
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
    return connection


def fill(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    waiting = iter(changes)
    while index.write_batch(connection, waiting):
        pass


def _embed(connection: sqlite3.Connection, model: MiniLM) -> None:
    last = 0
    while texts := stored_vectors.missing(connection, "model", _AT_A_TIME, last):
        made = model.embed([text.text for text in texts])
        stored_vectors.store(connection, "model", zip((text.text_hash for text in texts), made, strict=True))
        last = texts[-1].chunk


def _entity(doc: dict[str, Any]) -> tuple[str, str]:
    title = " ".join(doc["title"].split())
    fields = {"title": title, "content": doc["text"], "links": doc.get("links")}
    path = f"contexts/{_FOLDERS.get(doc.get('type', ''), 'specs')}/{doc['id']}.yaml"
    return path, emit({"id": doc["id"], **{name: value for name, value in fields.items() if value}})


def _markdown(doc: dict[str, Any]) -> tuple[str, str]:
    return f"docs/{doc['id']}.md", f"# {' '.join(doc['title'].split())}\n\n{doc['text']}\n"


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
