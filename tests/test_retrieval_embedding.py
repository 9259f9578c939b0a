"""Vectors for an index, from a provider: made once, kept, and found by meaning."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.meaning import KEY, TEXTS, Embedding, asked_texts, found, many, settings, status, vector, write
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar, wait_until

Serve = Callable[[Script], Server]
Start = Callable[..., Sidecar]


@pytest.fixture
def embedding() -> Embedding:
    return Embedding()


@pytest.fixture
def server(serve: Serve, embedding: Embedding) -> Server:
    return serve(embedding)


@pytest.fixture
def repository(tmp_path: Path) -> dict[str, str]:
    """A few texts, as what requests say of it."""
    return write(tmp_path / "repository", TEXTS)


@pytest.mark.parametrize("provider", ["ollama", "openai", "azure-openai"])
def test_what_is_meant_is_found(
    sidecar: Sidecar, server: Server, repository: dict[str, str], provider: str, tmp_path: Path
) -> None:
    assert found(sidecar, repository, "automobile") == ("lexical", [])
    sidecar.call("settings/update", settings(server, provider))
    counts = sidecar.call("rag/index", repository)
    assert (counts["embedded"], counts["embeddingModel"]) == (3, f"{provider}/embedder")
    assert "embeddingProblem" not in counts
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])
    assert found(sidecar, repository, "unwell physician", topK=1, mode="semantic") == (
        "semantic",
        ["hospital.md"],
    )
    assert status(sidecar, repository) == {"model": f"{provider}/embedder", "embedded": 3, "missing": 0}
    asked = len(server.requests)
    assert sidecar.call("rag/index", repository)["embedded"] == 0
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])
    assert len(server.requests) == asked
    (tmp_path / "repository/garden.md").write_text("# Shed\n\nWhere the automobile is kept.\n", encoding="utf-8")
    assert sidecar.call("rag/index", repository)["embedded"] == 1
    similar = sidecar.call("rag/similar", {"entityId": "garden.md#shed", **repository})
    assert (similar["mode"], similar["sources"][0]["filePath"]) == ("hybrid", "garage.md")
    assert "semantic" in similar["sources"][0]["matchedBy"]


def test_a_new_process_asks_for_nothing_again_and_no_key_is_kept(
    start: Start, server: Server, repository: dict[str, str], tmp_path: Path
) -> None:
    variables = {
        "CKSERVICE_EMBEDDING_PROVIDER": "ollama",
        "CKSERVICE_EMBEDDING_MODEL": "embedder",
        "CKSERVICE_EMBEDDING_ENDPOINT": server.url,
        "CKSERVICE_LOG_LEVEL": "debug",
    }
    for embedded in (3, 0):
        sidecar = start(env=variables)
        sidecar.call("settings/update", {"embedding": {"apiKey": KEY}})
        assert sidecar.call("rag/index", repository)["embedded"] == embedded
        assert found(sidecar, repository, "automobile", topK=1, mode="hybrid") == ("hybrid", ["garage.md"])
        sidecar.end()
        assert KEY not in "\n".join(sidecar.log)
        assert "tomatoes" not in "\n".join(sidecar.log).lower()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert sorted(map(len, (request.json["input"] for request in server.requests))) == [1, 1, 3]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data/indexes").iterdir())
    assert kept
    assert KEY.encode() not in kept


def test_searches_make_what_is_missing_and_do_not_wait_for_it(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str]
) -> None:
    embedding.holds = lambda _: True
    sidecar.call("settings/update", settings(server))
    for _ in range(3):
        assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
    server.request()
    assert status(sidecar, repository) == {"model": "ollama/embedder", "embedded": 0, "missing": 3}
    embedding.holds = lambda _: False
    server.release()
    wait_until(lambda: status(sidecar, repository)["embedded"] == 3)
    assert len(server.requests) == 1
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])


def test_an_index_takes_over_what_searches_have_begun(
    sidecar: Sidecar, server: Server, embedding: Embedding, tmp_path: Path
) -> None:
    place = many(tmp_path / "many", 200)
    embedding.holds = lambda _: True
    sidecar.call("settings/update", settings(server, "openai"))
    found(sidecar, place, "note")
    server.request()
    sidecar.request("index", "rag/index", place)
    embedding.holds = lambda _: False
    server.release()
    assert "embeddingProblem" not in sidecar.response("index")["result"]
    assert status(sidecar, place)["missing"] == 0
    assert len(asked_texts(server)) == len(set(asked_texts(server))) == 200


def test_a_cancel_keeps_what_is_made(sidecar: Sidecar, server: Server, embedding: Embedding, tmp_path: Path) -> None:
    place = many(tmp_path / "many", 300)
    embedding.holds = lambda _: embedding.asked > 2
    sidecar.call("settings/update", settings(server, "openai"))
    sidecar.request("index", "rag/index", place)
    server.request(9)
    wait_until(lambda: status(sidecar, place)["embedded"] == 64)
    sidecar.notify("$/cancelRequest", {"id": "index"})
    assert sidecar.response("index")["error"]["data"]["kind"] == "cancelled"
    embedding.holds = lambda _: False
    for _ in range(8):
        server.release()
    assert status(sidecar, place)["embedded"] == 64
    assert sidecar.call("rag/index", place)["embedded"] == 236


def test_another_model_begins_anew_and_the_first_one_is_remembered(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str]
) -> None:
    sidecar.call("settings/update", settings(server, model="one"))
    sidecar.call("rag/index", repository)
    embedding.holds = lambda texts: len(texts) > 1
    sidecar.call("settings/update", settings(server, model="two"))
    assert found(sidecar, repository, "automobile") == ("lexical", [])
    assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
    server.release()
    wait_until(lambda: status(sidecar, repository)["missing"] == 0)
    assert status(sidecar, repository)["model"] == "ollama/two"
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])
    sidecar.call("settings/update", settings(server, model="one"))
    asked = len(server.requests)
    assert sidecar.call("rag/index", repository)["embedded"] == 0
    assert len(server.requests) == asked
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])


def test_a_model_that_has_changed_under_its_name_is_noticed(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str], tmp_path: Path
) -> None:
    sidecar.call("settings/update", settings(server))
    sidecar.call("rag/index", repository)
    assert found(sidecar, repository, "automobile")[0] == "hybrid"
    embedding.vectors = lambda texts, model: [vector(text, model, dimensions=300) for text in texts]
    assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
    found(sidecar, repository, "car")
    wait_until(lambda: status(sidecar, repository)["embedded"] == 3)
    assert found(sidecar, repository, "car")[0] == "hybrid"
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])
    assert status(sidecar, repository)["embedded"] == 3
    embedding.vectors = Embedding().vectors
    (tmp_path / "repository/garden.md").write_text("# Shed\n", encoding="utf-8")
    assert sidecar.call("rag/index", repository)["embedded"] == 3
    assert status(sidecar, repository)["missing"] == 0
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])


def test_what_was_meant_changes_meanwhile(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str]
) -> None:
    embedding.holds = lambda _: embedding.asked == 1
    sidecar.call("settings/update", settings(server, model="one"))
    sidecar.request("index", "rag/index", repository)
    server.request()
    sidecar.call("settings/update", settings(server, model="two"))
    server.release()
    assert sidecar.response("index")["result"]["embeddingModel"] == "ollama/two"
    assert status(sidecar, repository) == {"model": "ollama/two", "embedded": 3, "missing": 0}
    assert [request.json["model"] for request in server.requests] == ["one", "two"]


def test_two_processes_may_make_the_same(start: Start, serve: Serve, tmp_path: Path) -> None:
    place = many(tmp_path / "many", 150)
    embedding = Embedding()
    embedding.holds = lambda _: embedding.asked <= 6
    server = serve(embedding)
    both = [start() for _ in range(2)]
    for sidecar in both:
        sidecar.call("settings/update", settings(server))
        sidecar.request("index", "rag/index", place)
    server.request(5)
    for _ in range(6):
        server.release()
    assert not any("embeddingProblem" in sidecar.response("index")["result"] for sidecar in both)
    assert [status(sidecar, place)["missing"] for sidecar in both] == [0, 0]
    assert [found(sidecar, place, "note 7", topK=1) for sidecar in both] == [("hybrid", ["note007.txt"])] * 2


def test_the_words_that_a_model_wants_are_given(sidecar: Sidecar, server: Server, repository: dict[str, str]) -> None:
    sidecar.call("settings/update", settings(server, model="nomic-embed-text"))
    sidecar.call("rag/index", repository)
    assert all(text.startswith("search_document: ") for text in asked_texts(server))
    found(sidecar, repository, "automobile")
    assert asked_texts(server)[-1] == "search_query: automobile"
    assert status(sidecar, repository)["model"] == "ollama/nomic-embed-text"
