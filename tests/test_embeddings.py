"""`embedding/create`: texts to vectors."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import WAIT_SECONDS, Sidecar

Serve = Callable[[Script], Server]

MAX_BYTES = 8 * 1024 * 1024


def config(server: Server, **members: Any) -> dict[str, Any]:
    return {"provider": "ollama", "endpoint": server.url, "model": "embedder", **members}


def embedding(dimensions: int = 2) -> Script:
    """A script whose vectors begin with the length of their text; a token is a character."""

    async def script(request: Request, reply: Reply) -> None:
        texts = request.json["input"]
        vectors = [[float(len(text)), *[-0.0123456789] * (dimensions - 1)] for text in texts]
        body = {"model": "embedder", "embeddings": vectors, "prompt_eval_count": sum(map(len, texts))}
        await reply.send(200, json.dumps(body).encode())

    return script


def test_texts_become_vectors_in_their_order(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(embedding())
    answer = sidecar.call("embedding/create", {"input": ["three", "on", "e"], "config": config(server)})
    assert [vector[0] for vector in answer["vectors"]] == [5, 2, 1]
    assert answer["model"] == "embedder"
    assert answer["usage"] == {"promptTokens": 8, "completionTokens": 0, "totalTokens": 8, "costUsd": 0.0}
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/embed")
    assert request.json["input"] == ["three", "on", "e"]


def test_the_settings_name_the_provider_and_a_request_may_name_another_model(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(embedding())
    error = sidecar.call("embedding/create", {"input": ["x"]})
    assert error["data"]["kind"] == "providerNotConfigured"
    assert "embeddings" in error["data"]["userMessage"]
    sidecar.call("settings/update", {"embedding": config(server)})
    assert sidecar.call("embedding/create", {"input": ["x"]})["model"] == "embedder"
    assert sidecar.call("embedding/create", {"input": ["x"], "config": {"model": "other"}})["model"] == "other"
    assert [request.json["model"] for request in server.requests] == ["embedder", "other"]


def test_not_every_provider_makes_vectors(sidecar: Sidecar) -> None:
    for named in ({"provider": "anthropic", "apiKey": "key"}, {"provider": "offline"}):
        error = sidecar.call("embedding/create", {"input": ["x"], "config": named})
        assert (error["data"]["kind"], error["data"]["provider"]) == ("providerNotConfigured", named["provider"])


def test_texts_that_make_no_sense_are_refused(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(embedding())
    cases: list[tuple[Any, str]] = [
        ([], "input"),
        (["x"] * 2049, "input"),
        (["x", ""], "input[1]"),
        (["x", 1], "input[1]"),
        ("x", "input"),
        (None, "input"),
    ]
    for texts, path in cases:
        error = sidecar.call("embedding/create", {"input": texts, "config": config(server)})
        assert error["data"]["kind"] == "invalidParams"
        assert [detail["path"] for detail in error["data"]["errors"]] == [path]
    assert not server.requests


def test_many_texts_are_one_answer(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(embedding())
    texts = ["x" * (1 + place % 7) for place in range(2048)]
    answer = sidecar.call("embedding/create", {"input": texts, "config": config(server)})
    assert [vector[0] for vector in answer["vectors"]] == [len(text) for text in texts]
    assert answer["usage"]["promptTokens"] == sum(map(len, texts))
    assert [text for request in server.requests for text in request.json["input"]] == texts


def test_more_vectors_than_fit_are_refused_before_they_are_made(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(embedding(dimensions=4096))
    error = sidecar.call("embedding/create", {"input": ["x"] * 2048, "config": config(server)}, request_id="large")
    assert error["data"]["kind"] == "messageTooLarge"
    assert sum(len(request.json["input"]) for request in server.requests) < 100
    most = int(re.findall(r"\d+", error["message"])[0])
    answer = sidecar.call("embedding/create", {"input": ["x"] * (most - 1), "config": config(server)})
    assert len(answer["vectors"]) == most - 1
    largest = max(map(len, sidecar.raw))
    assert 0.9 * MAX_BYTES < largest <= MAX_BYTES
    error = sidecar.call("embedding/create", {"input": ["x"] * (most + 1), "config": config(server)})
    assert error["data"]["kind"] == "messageTooLarge"
    sidecar.assert_alive()


NONSENSE = [
    [],
    [[0.5]],
    [[0.5], [0.5], [0.5]],
    [[0.5], ["x"]],
    [[0.5], [None]],
    [[0.5], {}],
    [[0.5], 1],
    [[], []],
    None,
    "no",
]


def test_vectors_that_make_no_sense_are_the_providers_fault(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(200, json.dumps({"embeddings": vectors, "prompt_eval_count": 2}).encode())

    server = serve(script)
    for vectors in NONSENSE:
        error = sidecar.call("embedding/create", {"input": ["x", "y"], "config": config(server)})
        assert (error["data"]["kind"], error["data"]["provider"]) == ("providerRejected", "ollama"), vectors
    sidecar.assert_alive()


def test_a_cancel_reaches_the_provider(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.hold()

    server = serve(script)
    sidecar.request(1, "embedding/create", {"input": ["x"], "config": config(server)})
    connection = server.request().connection
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    assert connection.closed.wait(WAIT_SECONDS)
    server.release()
