"""What every adapter does beside answering: models, readiness, counts, vectors, and what goes along."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.adapters import (
    ADAPTERS,
    KEY,
    Adapter,
    each_adapter,
    each_adapter_with,
    holding,
    sending,
)
from tests.providers.process import running
from tests.providers.server import Script, Server, closed_port
from tests.providers.speech import MODEL
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]
Choose = Callable[[Adapter, str], None]
List = Callable[[Adapter, str], Any]

EMBEDDING = [adapter for adapter in ADAPTERS if adapter.speech.vectors([1.0]) is not None]
HTML = b"<!doctype html>\n<html><body>Welcome to nginx!</body></html>\n"
REFUSALS: list[tuple[int, str]] = [(401, "authenticationFailed"), (429, "rateLimited"), (500, "providerUnavailable")]
PAGES: list[tuple[int, bytes, str]] = [
    (200, HTML, "text/html"),
    (404, HTML, "text/html"),
    (200, b"{", "application/json"),
    (200, b"[1]", "application/json"),
    (200, b'{"status": "ok"}', "application/json"),
    (200, b"", "application/json"),
]
"""Answers of somebody else."""

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PRICED = {"openai": "gpt-6-luna", "azure-openai": "gpt-6-luna", "anthropic": "claude-sonnet-5-5"}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


@pytest.fixture
def choose(sidecar: Sidecar) -> Iterator[Choose]:
    """Let an adapter be that of the settings, in place of the one before."""

    def _choose(adapter: Adapter, url: str) -> None:
        sidecar.call("settings/update", {"config": None})
        sidecar.call("settings/update", {"config": adapter.config(url)})

    yield _choose
    sidecar.call("settings/update", {"config": None})


@pytest.fixture
def list_models(sidecar: Sidecar, choose: Choose) -> List:
    def _list_models(adapter: Adapter, url: str) -> Any:
        choose(adapter, url)
        return sidecar.call("model/list", {"provider": adapter.provider})

    return _list_models


def ask(sidecar: Sidecar, adapter: Adapter, server: Server, **params: Any) -> Any:
    result = sidecar.call("chat/complete", adapter.ask(server.url, **params))
    assert result.get("content") == "Hello", result
    return result


def signed(server: Server, adapter: Adapter) -> bool:
    name, value = adapter.signature
    return all(request.headers.get(name) == value for request in server.requests)


# Models


@each_adapter
def test_models_are_listed(serve: Serve, list_models: List, adapter: Adapter) -> None:
    server = serve(sending(200, adapter.speech.models))
    result = list_models(adapter, server.url)
    assert [(model["id"], model["provider"]) for model in result["models"]] == [(MODEL, adapter.provider)]
    assert result["errors"] == []
    (request,) = server.requests
    assert request.method == "GET"
    assert signed(server, adapter)


@each_adapter
def test_models_that_can_not_be_listed(serve: Serve, list_models: List, adapter: Adapter) -> None:
    for status, kind in REFUSALS:
        result = list_models(adapter, serve(sending(status, adapter.speech.refusal(status))).url)
        assert (result["models"], [error["kind"] for error in result["errors"]]) == ([], [kind])
    for status, body, content_type in PAGES:
        result = list_models(adapter, serve(sending(status, body, Content_Type=content_type)).url)
        assert (result["models"], [error["kind"] for error in result["errors"]]) == ([], ["providerRejected"]), body
    result = list_models(adapter, f"http://127.0.0.1:{closed_port()}")
    assert [error["kind"] for error in result["errors"]] == ["providerUnavailable"]
    assert KEY not in str(result)


# Readiness


@each_adapter
def test_it_is_ready_when_the_provider_answers(
    sidecar: Sidecar, serve: Serve, choose: Choose, adapter: Adapter
) -> None:
    server = serve(sending(200, adapter.speech.ready))
    choose(adapter, server.url)
    ready = sidecar.call("health/ready")
    assert (ready["ready"], ready["components"]["provider"]["status"]) == (True, "healthy")
    assert [request.method for request in server.requests] == ["GET"], "it costs nothing"
    assert signed(server, adapter)


@each_adapter
def test_it_is_not_ready_otherwise(sidecar: Sidecar, serve: Serve, choose: Choose, adapter: Adapter) -> None:
    refusals = [sending(status, adapter.speech.refusal(status)) for status, _ in REFUSALS]
    pages = [sending(status, body, Content_Type=content_type) for status, body, content_type in PAGES]
    urls = [serve(script).url for script in (*refusals, *pages)]
    for url in (*urls, f"http://127.0.0.1:{closed_port()}", "127.0.0.1"):
        choose(adapter, url)
        ready = sidecar.call("health/ready")
        assert (ready["ready"], ready["components"]["provider"]["status"]) == (False, "unhealthy"), ready
        assert ready["components"]["provider"]["message"]


def test_a_provider_that_says_nothing_is_not_ready(sidecar: Sidecar, serve: Serve, choose: Choose) -> None:
    """Of all adapters at one time: it takes seconds."""
    servers = {adapter: serve(holding) for adapter in ADAPTERS}
    for adapter, server in servers.items():
        choose(adapter, server.url)
        sidecar.request(f"ready {adapter}", "health/ready")
        server.request()
    for adapter, server in servers.items():
        assert sidecar.response(f"ready {adapter}")["result"]["ready"] is False
        assert server.request().connection.closed.wait(1)


# Counts


@each_adapter
def test_a_prompt_is_counted_where_the_provider_can(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(sending(200, adapter.speech.count))
    result = sidecar.call("token/count", {"text": "Hello, world", "config": adapter.config(server.url)})
    if adapter.speech.count is None:
        assert (result["exact"], server.requests) == (False, [])
        assert 0 < result["tokens"] < 20
    else:
        assert result == {"tokens": 42, "exact": True}
        assert server.requests[0].json["model"] == MODEL
        assert signed(server, adapter)


@each_adapter_with("count")
def test_a_count_that_can_not_be_had_is_estimated(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    refusals = [sending(status, adapter.speech.refusal(status)) for status, _ in REFUSALS]
    pages = [sending(status, body, Content_Type=content_type) for status, body, content_type in PAGES]
    for script in (*refusals, *pages, sending(200, {"input_tokens": "many"})):
        config = adapter.config(serve(script).url)
        result = sidecar.call("token/count", {"text": "Hello, world", "config": config})
        assert result["exact"] is False
        assert 0 < result["tokens"] < 20


# Vectors


@pytest.mark.parametrize("adapter", EMBEDDING, ids=str)
def test_texts_become_vectors(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(sending(200, adapter.speech.vectors([0.5, 1.0], [1.5, 2.0])))
    params = {"input": ["a", "b"], "config": adapter.config(server.url)}
    result = sidecar.call("embedding/create", params)
    assert (result["vectors"], result["model"]) == ([[0.5, 1], [1.5, 2]], MODEL)
    assert (result["usage"]["promptTokens"], result["usage"]["completionTokens"]) == (2, 0)
    assert server.requests[0].json["input"] == ["a", "b"]
    assert signed(server, adapter)


@pytest.mark.parametrize("adapter", EMBEDDING, ids=str)
def test_vectors_that_can_not_be_had(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    def kind(script: Script) -> Any:
        config = adapter.config(serve(script).url)
        return sidecar.call("embedding/create", {"input": ["a", "b"], "config": config})["data"]["kind"]

    for status, wanted in REFUSALS:
        assert kind(sending(status, adapter.speech.refusal(status))) == wanted
    for status, body, content_type in PAGES:
        assert kind(sending(status, body, Content_Type=content_type)) == "providerRejected", body
    assert kind(sending(*adapter.speech.refusals["modelNotFound"])) == "modelNotFound"
    for vectors in ([[1.0]], [[1.0], [1.0], [1.0]], [[1.0], []], [[1.0], [1.0, 2.0]], [[1.0], ["x"]]):
        told: Any = adapter.speech.vectors(*vectors)
        assert kind(sending(200, told)) == "providerRejected", vectors


@pytest.mark.parametrize("adapter", [adapter for adapter in ADAPTERS if adapter not in EMBEDDING], ids=str)
def test_some_make_no_vectors(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    error = sidecar.call("embedding/create", {"input": ["a"], "config": adapter.config(server.url)})
    assert (error["data"]["kind"], server.requests) == ("providerNotConfigured", [])
    assert "embeddings" in error["data"]["userMessage"]


# What goes along with a question


@each_adapter
def test_the_key_goes_where_it_belongs_and_nowhere_else(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    ask(sidecar, adapter, server, config={"headers": {"X-Gateway": "of-the-config"}}, _meta={"traceparent": TRACE})
    (request,) = server.requests
    assert {name: value for name, value in request.headers.items() if KEY in value} == dict([adapter.signature])
    assert KEY not in request.path
    assert KEY.encode() not in request.body
    assert request.headers["x-gateway"] == "of-the-config"
    assert request.headers["traceparent"] == TRACE


@each_adapter
def test_a_header_of_the_config_goes_before_the_key(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    name, _ = adapter.signature
    ask(sidecar, adapter, server, config={"headers": {name: "of-the-config"}, "apiKey": None})
    assert server.requests[0].headers[name] == "of-the-config"


@each_adapter
def test_an_answer_has_its_price(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    model = PRICED.get(adapter.provider, "llama3")
    named = {"baseModel": model} if adapter.provider == "azure-openai" else {"model": model}
    cost = ask(sidecar, adapter, serve(adapter.hello()), config=named)["usage"]["costUsd"]
    assert cost == 0 if adapter.provider == "ollama" else 0 < cost < 0.01


@each_adapter
def test_a_model_has_to_be_named_where_there_is_no_default(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    result = sidecar.call("chat/complete", adapter.ask(server.url, config={"model": None}))
    if adapter.default_model is None:
        assert (result["data"]["kind"], server.requests) == ("providerNotConfigured", [])
        assert "model" in result["data"]["userMessage"]
    else:
        assert (result["content"], result["model"]) == ("Hello", adapter.default_model)
