"""Anthropic beside the answers: which models there are, whether it is there, and counts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.anthropic import config, failing, running, sending
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

TOOL = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def choose(sidecar: Sidecar, server: Server) -> None:
    sidecar.call("settings/update", {"config": config(server.url)})


def test_models_are_listed_with_what_they_can_do(sidecar: Sidecar, serve: Serve) -> None:
    able = {"max_input_tokens": 1_000_000, "max_tokens": 128_000, "display_name": "Claude Test"}
    listed = [
        {"type": "model", "id": "claude-test", **able, "capabilities": {"structured_outputs": {"supported": True}}},
        {"type": "model", "id": "claude-old", "display_name": "Old", "max_tokens": None, "capabilities": None},
    ]
    server = serve(sending(200, {"data": listed, "has_more": False}))
    choose(sidecar, server)
    result = sidecar.call("model/list", {"provider": "anthropic"})
    assert result["errors"] == []
    new, old = result["models"]
    assert (new["id"], new["name"], new["contextWindow"], new["maxOutputTokens"]) == (
        "claude-test",
        "Claude Test",
        1_000_000,
        128_000,
    )
    assert (new["supportsTools"], new["supportsStructuredOutput"], new["supportsStreaming"]) == (True, True, True)
    assert (old["name"], old.get("maxOutputTokens"), old.get("supportsStructuredOutput")) == ("Old", None, None)
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/v1/models?limit=1000")]


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", {"data": 1}, {"data": [{}]}, {"data": ["x"]}, {}])
def test_what_is_no_list_of_models_is_never_our_error(sidecar: Sidecar, serve: Serve, body: Any) -> None:
    choose(sidecar, serve(sending(200, body)))
    result = sidecar.call("model/list", {"provider": "anthropic"})
    assert (result["models"], [error["kind"] for error in result["errors"]]) == ([], ["providerRejected"])


@pytest.mark.parametrize(
    ("status", "body", "ready"),
    [
        (200, {"data": []}, True),
        (200, b"<html></html>", False),
        (401, failing("authentication_error"), False),
        (404, b"<html></html>", False),
    ],
)
def test_readiness_is_that_models_can_be_listed(
    sidecar: Sidecar, serve: Serve, status: int, body: Any, ready: bool
) -> None:
    server = serve(sending(status, body))
    choose(sidecar, server)
    assert sidecar.call("health/ready")["ready"] is ready
    assert [request.path for request in server.requests] == ["/v1/models?limit=1"]


def test_a_prompt_is_counted_by_the_provider(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, {"input_tokens": 42}))
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    params = {"config": config(server.url), "messages": messages, "tools": [TOOL]}
    assert sidecar.call("token/count", params) == {"tokens": 42, "exact": True}
    assert server.requests[0].path == "/v1/messages/count_tokens"
    assert server.requests[0].json.keys() == {"model", "messages", "system", "tools"}


def test_a_tool_that_is_nested_deeply_is_counted_too(sidecar: Sidecar, serve: Serve) -> None:
    nested: dict[str, Any] = {}
    for _ in range(120):
        nested = {"a": nested}
    messages = [{"role": "user", "content": "Hello"}]
    params = {"messages": messages, "tools": [{**TOOL, "parameters": nested}]}
    server = serve(sending(200, {"input_tokens": 42}))
    assert sidecar.call("token/count", {"config": config(server.url), **params}) == {"tokens": 42, "exact": True}
