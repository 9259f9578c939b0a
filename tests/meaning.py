"""A server of embeddings whose vectors are made of words, and what tests ask of those who use it.

Texts with words that mean the same are near each other.
"""

import json
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.providers.server import Reply, Request, Server
from tests.sidecar import Sidecar

DIMENSIONS = 512

KEY = "sk-test-0123456789abcdefghijklmnop"

TEXTS = {
    "garage.md": "# Garage\n\nWhere the car is kept.\n",
    "hospital.md": "# Hospital\n\nA doctor looks after people who are ill.\n",
    "garden.md": "# Garden\n\nTomatoes want water in the evening.\n",
}

_SAME = {
    "automobile": "car",
    "automobiles": "car",
    "cars": "car",
    "physician": "doctor",
    "sick": "ill",
    "unwell": "ill",
}


def vector(text: str, model: str = "", dimensions: int = DIMENSIONS) -> list[float]:
    """The words of a text, by a hash that is another one for each model."""
    values = [0.01] * dimensions
    for word in re.findall(r"[a-z]+", text.lower()):
        values[zlib.crc32(f"{model} {_SAME.get(word, word)}".encode()) % dimensions] += 1.0
    return values


class Embedding:
    """Answers as Ollama or OpenAI does, by the path it is asked at.

    Attributes:
        vectors: makes those of an answer.
        refuses: a text for which the whole request is refused, and with what words.
        fails: told the number of a request, from 1, whether to answer that the server has failed.
        failure: the status and the words of that.
        holds: told the texts of a request, whether to wait for `Server.release` first.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.vectors: Callable[[Sequence[str], str], Any] = lambda texts, model: [vector(text, model) for text in texts]
        self.refuses: Callable[[str], str | None] = lambda _: None
        self.fails: Callable[[int], bool] = lambda _: False
        self.failure = (503, "overloaded")
        self.holds: Callable[[Sequence[str]], bool] = lambda _: False

    async def __call__(self, request: Request, reply: Reply) -> None:
        self.asked += 1
        texts, model = request.json["input"], request.json["model"]
        fails = self.fails(self.asked)
        if self.holds(texts):
            await reply.hold()
        refusals = [refusal for text in texts if (refusal := self.refuses(text))]
        if fails:
            status, words = self.failure
            await reply.send(status, json.dumps({"error": words}).encode())
        elif refusals:
            await reply.send(400, json.dumps({"error": refusals[0]}).encode())
        else:
            await reply.send(200, _answer(request.path, self.vectors(texts, model)))


def asked_texts(server: Server) -> list[str]:
    """All texts that a server was asked for."""
    return [text for request in list(server.requests) for text in request.json["input"]]


def _answer(path: str, vectors: Sequence[Sequence[float]]) -> bytes:
    if path == "/api/embed":
        answer: dict[str, Any] = {"embeddings": vectors, "prompt_eval_count": 1}
    else:
        data = [{"object": "embedding", "index": place, "embedding": values} for place, values in enumerate(vectors)]
        answer = {"object": "list", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    return json.dumps(answer).replace("Infinity", "1e999").encode()


def settings(server: Server, provider: str = "ollama", model: str = "embedder") -> dict[str, Any]:
    key = {"apiKey": KEY} if provider != "ollama" else {}
    return {"embedding": {"provider": provider, "endpoint": server.url, "model": model, **key}}


def write(root: Path, texts: dict[str, str]) -> dict[str, str]:
    root.mkdir(exist_ok=True)
    for path, text in texts.items():
        (root / path).write_text(text, encoding="utf-8")
    return {"repoPath": str(root)}


def many(root: Path, count: int) -> dict[str, str]:
    return write(root, {f"note{place:03}.txt": f"note {place} about matters" for place in range(count)})


def found(sidecar: Sidecar, place: dict[str, str], query: str, **params: Any) -> tuple[str, list[str]]:
    """How it was looked for, and the paths of what was found."""
    results = sidecar.call("rag/search", {"query": query, **place, **params})
    return results["mode"], [source["filePath"] for source in results["sources"]]


def status(sidecar: Sidecar, place: dict[str, str]) -> dict[str, Any]:
    embeddings: dict[str, Any] = sidecar.call("rag/status", place)["embeddings"]
    return embeddings


def warnings(sidecar: Sidecar) -> list[str]:
    told = ("texts could not be embedded", "a question could not be embedded")
    return [record["message"] for record in sidecar.records() if record.get("message") in told]
