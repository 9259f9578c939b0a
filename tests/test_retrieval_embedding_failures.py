"""Providers of embeddings that fail, refuse, talk nonsense or do not answer: words find what they find all the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.meaning import TEXTS, Embedding, asked_texts, found, many, settings, status, warnings, write
from tests.providers.server import Script, Server, closed_port
from tests.sidecar import Sidecar, wait_until

Serve = Callable[[Script], Server]


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
def test_a_failure_halfway_leaves_what_is_made_and_is_told_once(
    sidecar: Sidecar, server: Server, embedding: Embedding, provider: str, tmp_path: Path
) -> None:
    place = many(tmp_path / "many", 400)
    embedding.fails = lambda number: number > 4
    sidecar.call("settings/update", {**settings(server, provider), "limits": {"maxAttempts": 1}})
    sidecar.request("index", "rag/index", place)
    counts = sidecar.response("index")["result"]
    assert counts["embedded"] == 128, "all of four requests"
    assert "503" in counts["embeddingProblem"]
    told = [
        message["params"] for message in sidecar.notifications("index") if message["params"].get("phase") == "embedding"
    ]
    assert [(each["completed"], each["total"]) for each in told] == [(32 * each, 400) for each in (1, 2, 3, 4)]
    for _ in range(3):
        assert found(sidecar, place, "note 7", topK=1)[1] == ["note007.txt"]
    assert status(sidecar, place)["embedded"] == 128
    assert "503" in status(sidecar, place)["problem"]
    assert warnings(sidecar).count("texts could not be embedded") == 1
    assert sidecar.call("rag/index", {**place, "embed": "always"})["data"]["kind"] == "providerUnavailable"
    assert warnings(sidecar).count("texts could not be embedded") == 1
    embedding.fails = lambda _: False
    sidecar.call("settings/update", settings(server, provider))  # or the endpoint would be left alone for a moment
    assert sidecar.call("rag/index", place)["embedded"] == 272
    assert status(sidecar, place) == {"model": f"{provider}/embedder", "embedded": 400, "missing": 0}


def test_an_answer_that_comes_late_is_there_for_the_next_search(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str]
) -> None:
    sidecar.call("settings/update", settings(server))
    sidecar.call("rag/index", repository)
    embedding.holds = lambda _: True
    assert found(sidecar, repository, "automobile") == ("lexical", [])
    server.request(1)
    sidecar.request("waits", "rag/search", {"query": "automobile", "mode": "semantic", "topK": 1, **repository})
    assert found(sidecar, repository, "automobile") == ("lexical", [])
    server.release()
    assert sidecar.response("waits")["result"]["sources"][0]["filePath"] == "garage.md"
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])
    assert len(server.requests) == 2


def test_a_provider_that_does_not_answer_is_not_asked_again_and_again(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str]
) -> None:
    sidecar.call("settings/update", settings(server))
    sidecar.call("rag/index", repository)
    embedding.holds = lambda _: True
    for each in range(10):
        assert found(sidecar, repository, f"car {each}") == ("lexical", ["garage.md"])
    asked = asked_texts(server)[3:]
    assert len(asked) <= 4
    for _ in asked:
        server.release()


def test_an_outage_is_over_when_a_question_is_answered(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str]
) -> None:
    embedding.fails = lambda _: True
    sidecar.call("settings/update", {**settings(server), "limits": {"maxAttempts": 1}})
    assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
    wait_until(lambda: "problem" in status(sidecar, repository))
    embedding.fails = lambda _: False
    asked = len(server.requests)
    assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
    assert len(server.requests) == asked, "it is left alone for a while"
    assert found(sidecar, repository, "car", mode="semantic") == ("semantic", [])
    found(sidecar, repository, "car")
    wait_until(lambda: status(sidecar, repository) == {"model": "ollama/embedder", "embedded": 3, "missing": 0})


@pytest.mark.parametrize("is_missing", [True, False])
def test_an_outage_is_over_when_an_index_is_made(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str], is_missing: bool
) -> None:
    sidecar.call("settings/update", {**settings(server), "limits": {"maxAttempts": 1}})
    sidecar.call("rag/index", repository)
    embedding.fails = lambda _: True
    if is_missing:
        write(Path(repository["repoPath"]), {"shed.md": "# Shed\n\nFor tools.\n"})
        assert "503" in sidecar.call("rag/index", repository)["embeddingProblem"]
    assert found(sidecar, repository, "automobile") == ("lexical", [])
    wait_until(lambda: "a question could not be embedded" in warnings(sidecar))
    assert "503" in status(sidecar, repository)["problem"]
    embedding.fails = lambda _: False
    counts = sidecar.call("rag/index", repository)
    assert (counts["embedded"], counts.get("embeddingProblem")) == (int(is_missing), None)
    assert "problem" not in status(sidecar, repository)
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])


WHAT_HELPS = {"ollama": 'get it with "ollama pull embedder"', "openai": "choose another in the settings"}


@pytest.mark.parametrize("provider", WHAT_HELPS)
def test_a_model_that_is_not_there_is_told_with_what_helps_until_it_is(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str], provider: str
) -> None:
    embedding.fails, embedding.failure = lambda _: True, (404, 'model "embedder" not found')
    sidecar.call("settings/update", settings(server, provider))
    problem = sidecar.call("rag/index", repository)["embeddingProblem"]
    assert WHAT_HELPS[provider] in problem
    assert status(sidecar, repository)["problem"] == problem
    error = sidecar.call("embedding/create", {"input": ["car"]})
    assert error["data"]["userMessage"] == problem
    embedding.fails = lambda _: False
    assert found(sidecar, repository, "automobile", mode="semantic") == ("semantic", [])
    assert "problem" not in status(sidecar, repository)
    found(sidecar, repository, "car")
    wait_until(lambda: status(sidecar, repository)["missing"] == 0)
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])


def test_what_would_cost_too_much_is_not_made(sidecar: Sidecar, server: Server, repository: dict[str, str]) -> None:
    sidecar.call(
        "settings/update", {**settings(server, "openai", "text-embedding-3-small"), "budget": {"maxCostUsd": 0}}
    )
    assert "budget" in sidecar.call("rag/index", repository)["embeddingProblem"]
    assert sidecar.call("rag/index", {"embed": "always", **repository})["data"]["kind"] == "quotaExceeded"
    assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
    assert not server.requests


def test_a_provider_that_is_gone_costs_one_attempt(
    sidecar: Sidecar, server: Server, repository: dict[str, str]
) -> None:
    sidecar.call("settings/update", settings(server))
    sidecar.call("rag/index", repository)
    sidecar.call("settings/update", {"embedding": {"endpoint": f"http://127.0.0.1:{closed_port()}"}})
    for query in ("automobile", "a car", "automobile", "doctor"):
        assert found(sidecar, repository, query)[0] == "lexical"
    assert warnings(sidecar) == ["a question could not be embedded"]
    assert "problem" in status(sidecar, repository)
    for mode in ("semantic", "hybrid"):
        error = sidecar.call("rag/search", {"query": "physician", "mode": mode, **repository})
        assert error["data"]["kind"] == "providerUnavailable"
    assert warnings(sidecar) == ["a question could not be embedded"]
    sidecar.call("settings/update", settings(server))
    assert found(sidecar, repository, "automobile", topK=1) == ("hybrid", ["garage.md"])
    assert "problem" not in status(sidecar, repository)


def test_without_a_provider_only_words_can_be_asked_for(sidecar: Sidecar, repository: dict[str, str]) -> None:
    for mode in ("semantic", "hybrid"):
        error = sidecar.call("rag/search", {"query": "car", "mode": mode, **repository})
        assert error["data"]["kind"] == "providerNotConfigured"
    assert sidecar.call("rag/index", {"embed": "always", **repository})["data"]["kind"] == "providerNotConfigured"
    assert "embeddingModel" not in sidecar.call("rag/index", repository)
    assert status(sidecar, repository) == {"embedded": 0, "missing": 0}


def test_a_provider_without_a_model_is_told(sidecar: Sidecar, repository: dict[str, str]) -> None:
    sidecar.call("settings/update", {"embedding": {"provider": "ollama"}})
    assert "No model is chosen" in sidecar.call("rag/index", repository)["embeddingProblem"]
    assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])


def test_texts_that_are_too_long_are_known_by_their_beginning(
    sidecar: Sidecar, server: Server, embedding: Embedding, tmp_path: Path
) -> None:
    place = many(tmp_path / "many", 40)
    write(tmp_path / "many", {f"long{each}.txt": f"car{each} " + "word " * 200 for each in range(3)})
    embedding.refuses = lambda text: "the input length exceeds the context length" if len(text) > 600 else None
    sidecar.call("settings/update", settings(server))
    counts = sidecar.call("rag/index", place)
    assert counts["embedded"] == counts["chunks"]
    assert "embeddingProblem" not in counts
    assert found(sidecar, place, "automobile " * 200, mode="hybrid")[0] == "hybrid"


def test_a_text_that_is_refused_does_not_stand_in_the_way(
    sidecar: Sidecar, server: Server, embedding: Embedding, tmp_path: Path
) -> None:
    place = many(tmp_path / "many", 40)
    embedding.refuses = lambda text: "forbidden" if "note 17 " in text else None
    sidecar.call("settings/update", settings(server))
    counts = sidecar.call("rag/index", place)
    assert (counts["embedded"], counts["chunks"]) == (39, 40)
    assert "refuses 1 of the texts" in counts["embeddingProblem"]
    assert not any("note 17" in line for line in sidecar.log)
    asked = len(server.requests)
    assert sidecar.call("rag/index", place)["embedded"] == 0
    assert len(server.requests) == asked
    embedding.refuses = lambda _: None
    sidecar.call("settings/update", settings(server))
    assert sidecar.call("rag/index", place)["embedded"] == 1


NONSENSE: dict[str, Callable[[Any, str], Any]] = {
    "too few": lambda texts, _: [[1.0, 2.0]] * (len(texts) - 1),
    "too many": lambda texts, _: [[1.0, 2.0]] * (len(texts) + 1),
    "lengths": lambda texts, _: [*([1.0] * len(texts[:place]) for place in range(2, len(texts) + 2)), [1.0]],
    "infinite": lambda texts, _: [[float("inf"), 1.0]] * len(texts),
    "huge": lambda texts, _: [[10**400, 1]] * len(texts),
    "zero": lambda texts, _: [[0.0, 0.0]] * len(texts),
    "empty": lambda texts, _: [[]] * len(texts),
    "no vectors": lambda texts, _: ["car"] * len(texts),
}


@pytest.mark.parametrize("provider", ["ollama", "openai"])
def test_vectors_that_make_no_sense_are_not_kept(
    sidecar: Sidecar, server: Server, embedding: Embedding, repository: dict[str, str], provider: str
) -> None:
    for nonsense in NONSENSE.values():
        embedding.vectors = nonsense
        sidecar.call("settings/update", settings(server, provider))
        counts = sidecar.call("rag/index", repository)
        assert counts["embedded"] == 0
        assert counts["embeddingProblem"]
        assert found(sidecar, repository, "car") == ("lexical", ["garage.md"])
        error = sidecar.call("rag/index", {**repository, "embed": "always"})
        assert error["data"]["kind"] == "providerRejected"
    embedding.vectors = Embedding().vectors
    assert sidecar.call("rag/index", repository)["embedded"] == 3


def test_a_model_that_can_not_make_up_its_mind_destroys_nothing(
    sidecar: Sidecar, server: Server, embedding: Embedding, tmp_path: Path
) -> None:
    place = many(tmp_path / "many", 200)
    embedding.vectors = lambda texts, _: [[1.0] * (1 + embedding.asked % 2)] * len(texts)
    sidecar.call("settings/update", settings(server, "openai"))
    counts = sidecar.call("rag/index", place)
    assert counts["embeddingProblem"] == "The provider of embeddings answered with vectors that make no sense."
    assert 0 < counts["embedded"] < 200
    assert found(sidecar, place, "note 7", topK=1)[1] == ["note007.txt"]
