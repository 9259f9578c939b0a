"""Ollama beside the answers: which models there are, and whether it is there."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.ollama import sending
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

TAGS = {
    "models": [
        {"name": "llama3:8b", "model": "llama3:8b", "details": {}, "capabilities": ["completion", "tools"]},
        {"name": "tiny:1b", "model": "tiny:1b", "details": {}, "capabilities": ["completion"]},
        {"name": "old:7b", "model": "old:7b", "size": 1, "digest": "d", "details": {"family": "llama"}},
    ]
}

Serve = Callable[[Script], Server]


@pytest.fixture
def sidecar(sidecar: Sidecar) -> Sidecar:
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    return sidecar


def choose(sidecar: Sidecar, endpoint: str) -> None:
    config = {"provider": "ollama", "endpoint": endpoint, "model": "test-model"}
    sidecar.call("settings/update", {"config": config})


# Models


def assert_listed(result: dict[str, Any]) -> None:
    assert result["errors"] == []
    listed = result["models"]
    assert [model["id"] for model in listed] == ["llama3:8b", "tiny:1b", "old:7b"]
    assert all(model["provider"] == "ollama" and model["supportsStreaming"] is True for model in listed)
    assert [model.get("supportsTools") for model in listed] == [True, False, None]
    assert all(model["inputPricePerMTok"] == model["outputPricePerMTok"] == 0 for model in listed)


def test_models_are_listed_with_what_they_can_do(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, TAGS))
    choose(sidecar, server.url)
    assert_listed(sidecar.call("model/list", {"provider": "ollama"}))
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/api/tags")]


@pytest.mark.parametrize("form", ["{0}", "http://{0}", "http://{0}/"])
def test_models_are_asked_of_the_server_that_ollamas_own_variable_names(
    start: Callable[..., Sidecar], serve: Serve, form: str
) -> None:
    server = serve(sending(200, TAGS))
    sidecar = start(env={"OLLAMA_HOST": form.format(server.url.removeprefix("http://"))})
    assert_listed(sidecar.call("model/list", {"provider": "ollama"}))


def test_a_model_is_described_as_far_as_the_server_does(sidecar: Sidecar, serve: Serve) -> None:
    listed = [
        {"name": "chat", "details": {"context_length": 131072}, "capabilities": ["completion", "thinking"]},
        {"name": "vectors", "details": {"context_length": 2048}, "capabilities": ["embedding"]},
        {"name": "cloud", "remote_host": "https://ollama.com", "capabilities": ["completion", "tools"]},
        {"name": "odd", "details": {"context_length": "long"}, "capabilities": "all"},
        {"name": "odder", "details": [], "capabilities": None},
    ]
    choose(sidecar, serve(sending(200, {"models": listed})).url)
    models = sidecar.call("model/list", {"provider": "ollama"})["models"]
    assert [model.get("contextWindow") for model in models] == [131072, 2048, None, None, None]
    assert [model["supportsStructuredOutput"] for model in models] == [True, False, False, True, True]
    assert [model.get("supportsTools") for model in models] == [False, False, True, None, None]


def test_a_server_may_have_no_models(sidecar: Sidecar, serve: Serve) -> None:
    choose(sidecar, serve(sending(200, {"models": []})).url)
    assert sidecar.call("model/list", {"provider": "ollama"}) == {"models": [], "errors": []}


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b'{"models": 1}', b'{"models": [{}]}', b'{"models": ["x"]}'])
def test_what_is_no_list_of_models_is_never_our_error(sidecar: Sidecar, serve: Serve, body: bytes) -> None:
    choose(sidecar, serve(sending(200, body)).url)
    result = sidecar.call("model/list", {"provider": "ollama"})
    assert result.get("models") == [], result
    assert {error["kind"] for error in result["errors"]} <= {"providerRejected"}


# Readiness


def test_it_is_ready_when_the_server_answers(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, {"version": "0.12.6"}))
    choose(sidecar, server.url)
    ready = sidecar.call("health/ready")
    assert (ready["ready"], ready["components"]["provider"]["status"]) == (True, "healthy")
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/api/version")]
