"""OpenAI beside the answers: which models there are, whether it is there, vectors and counts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.openai import HELLO, answering, ask, config, running, sending
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def choose(sidecar: Sidecar, url: str, **members: Any) -> None:
    assert "code" not in sidecar.call("settings/update", {"config": config(url, **members)})


def test_models_are_listed_with_what_is_known_of_them(sidecar: Sidecar, serve: Serve) -> None:
    listed = [
        {"id": "plain", "object": "model", "created": 1, "owned_by": "me"},
        {"id": "rich", "name": "Rich", "context_length": 9, "supported_parameters": ["tools", "temperature"]},
        {"id": "vllm", "max_model_len": 8},
        {"id": 7},
        "x",
    ]
    server = serve(sending(200, {"object": "list", "data": listed}))
    choose(sidecar, server.url)
    result = sidecar.call("model/list", {"provider": "openai"})
    assert result["errors"] == []
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/models")]
    plain, rich, vllm = result["models"]
    assert (plain["id"], plain["name"], plain["supportsStreaming"]) == ("plain", "plain", True)
    assert not {"supportsTools", "supportsStructuredOutput", "contextWindow"} & plain.keys()
    assert (rich["name"], rich["contextWindow"], rich["supportsTools"]) == ("Rich", 9, True)
    assert rich["supportsStructuredOutput"] is False
    assert vllm["contextWindow"] == 8


def test_openai_itself_is_known_by_its_name(start: Callable[..., Sidecar], serve: Serve) -> None:
    """The proxy of the environment stands for it."""
    server = serve(answering(*HELLO))
    sidecar = start(env={"HTTP_PROXY": server.url, "http_proxy": server.url, "NO_PROXY": "", "no_proxy": ""})
    hosts = ("api.openai.com", "api.openai.com/v1/", "eu.api.openai.com/v1", "api.openai.com.example.org/v1")
    for host in hosts:
        sidecar.call("chat/complete", ask(f"http://{host}", config={"api": None}, maxTokens=9))
    assert [request.path for request in server.requests] == [
        "http://api.openai.com/v1/responses",
        "http://api.openai.com/v1/responses",
        "http://eu.api.openai.com/v1/responses",
        "http://api.openai.com.example.org/v1/chat/completions",
    ]
    names = ["gpt-6-luna", "o3-mini", "text-embedding-3-small", "gpt-realtime-2", "gpt-image-2"]
    server.script = sending(200, {"data": [{"id": name} for name in names]})
    choose(sidecar, "http://api.openai.com")
    models = sidecar.call("model/list", {"provider": "openai"})["models"]
    for what in ("supportsStreaming", "supportsTools", "supportsStructuredOutput"):
        assert [model[what] for model in models] == [True, True, False, False, False]


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b"null", b'{"data": 1}', b'{"models": []}', b""])
def test_what_is_no_list_of_models_is_never_our_error(sidecar: Sidecar, serve: Serve, body: bytes) -> None:
    choose(sidecar, serve(sending(200, body)).url)
    result = sidecar.call("model/list", {"provider": "openai"})
    assert (result["models"], [error["kind"] for error in result["errors"]]) == ([], ["providerRejected"])


@pytest.mark.parametrize(
    ("status", "is_ready"), [(200, True), (401, False), (404, False), (500, False)], ids=["ok", "key", "path", "down"]
)
def test_it_is_ready_when_the_models_can_be_listed(sidecar: Sidecar, serve: Serve, status: int, is_ready: bool) -> None:
    server = serve(sending(status, {"object": "list", "data": []}))
    choose(sidecar, server.url)
    ready = sidecar.call("health/ready")
    assert ready["ready"] is is_ready
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/models")]


def embeddings(request: Request) -> Any:
    """Vectors in the wrong order, with their length told in the second number."""
    texts = request.json["input"]
    vectors = [[float(place), len(text), -0.5] for place, text in enumerate(texts)]
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    return {"object": "list", "data": data[::-1], "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}}


def test_texts_become_vectors_in_their_order(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        await sending(200, embeddings(request))(request, reply)

    server = serve(script)
    texts = [f"{'x' * (place % 7)}." for place in range(600)]
    result = sidecar.call("embedding/create", {"input": texts, "config": config(server.url, model="embedder")})
    assert [vector[1] for vector in result["vectors"]] == [len(text) for text in texts]
    assert result["usage"] == {"promptTokens": 600, "completionTokens": 0, "totalTokens": 600, "costUsd": None}
    assert [text for request in server.requests for text in request.json["input"]] == texts
    assert all(len(request.json["input"]) <= 256 for request in server.requests)
    assert {request.path for request in server.requests} == {"/embeddings"}
    assert {(request.json["model"], request.json["encoding_format"]) for request in server.requests} == {
        ("embedder", "float")
    }


def test_long_texts_are_spread_over_requests(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        await sending(200, embeddings(request))(request, reply)

    server = serve(script)
    params = {"input": ["long " * 50_000] * 3, "config": config(server.url, model="embedder")}
    assert len(sidecar.call("embedding/create", params)["vectors"]) == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}] * 2,
        [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [1.0]}],
        [{"index": place, "embedding": "AACAPw=="} for place in range(2)],
        [{"index": place, "embedding": [None]} for place in range(2)],
        [{"index": place, "embedding": []} for place in range(2)],
        [{"index": [], "embedding": [1.0]}] * 2,
        "xy",
        None,
        7,
    ],
)
def test_what_are_no_vectors_is_never_our_error(sidecar: Sidecar, serve: Serve, data: Any) -> None:
    server = serve(sending(200, {"data": data}))
    error = sidecar.call("embedding/create", {"input": ["a", "b"], "config": config(server.url)})
    assert error["data"]["kind"] == "providerRejected"


def test_a_prompt_is_counted_by_the_server(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, {"object": "response.input_tokens", "input_tokens": 42}))
    choose(sidecar, server.url)
    assert sidecar.call("token/count", {"text": "Hello"}) == {"tokens": 42, "exact": True}
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/responses/input_tokens")
    assert request.json == {"model": "test-model", "input": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize("script", [sending(404, b""), sending(200, b"[]"), sending(200, {"input_tokens": "x"})])
def test_a_server_that_can_not_count_leaves_an_estimate(sidecar: Sidecar, serve: Serve, script: Script) -> None:
    choose(sidecar, serve(script).url)
    count = sidecar.call("token/count", {"text": "Hello"})
    assert (count["exact"], count["tokens"] > 0) == (False, True)
