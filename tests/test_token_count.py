"""`token/count`: by the provider where it can, else an estimate."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.ollama import sending
from tests.providers.server import Script, Server, closed_port
from tests.sidecar import Sidecar, question

Serve = Callable[[Script], Server]

OLLAMA = {"provider": "ollama", "model": "m", "endpoint": f"http://127.0.0.1:{closed_port()}"}
TOOL = {"name": "find", "description": "Finds what is lost", "parameters": {"type": "object", "properties": {}}}


def messages(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text} for text in texts]


def test_the_offline_provider_counts_as_it_bills(sidecar: Sidecar) -> None:
    text = "How many words are in here?"
    counted = sidecar.call("token/count", {"text": text})
    usage = sidecar.call("chat/complete", question(text))["usage"]
    assert counted == {"tokens": usage["promptTokens"], "exact": True}
    assert sidecar.call("token/count", {"messages": messages(text)}) == counted


def test_a_provider_that_cannot_count_is_not_asked(sidecar: Sidecar) -> None:
    def estimated(**params: Any) -> int:
        counted = sidecar.call("token/count", {**params, "config": OLLAMA})
        assert counted["exact"] is False
        tokens: int = counted["tokens"]
        return tokens

    assert 0 < estimated(text="") < 10
    assert 500 < estimated(text="word " * 500) < 1000
    assert 600 < estimated(text="\N{CJK UNIFIED IDEOGRAPH-6F22}" * 1000) < 1600
    assert estimated(text="word " * 500) == estimated(messages=messages("word " * 500))
    assert estimated(messages=messages("one", "two")) > estimated(messages=messages("onetwo"))
    assert estimated(text="x", tools=[TOOL]) > estimated(text="x") + 10
    assert estimated(text="x" * 10_000_000) == pytest.approx(2_500_000, rel=0.01)


def test_a_prompt_is_messages_or_text(sidecar: Sidecar) -> None:
    for params in ({}, {"text": "one", "messages": messages("one")}):
        error = sidecar.call("token/count", params)
        assert error["data"]["kind"] == "invalidParams"
        assert [detail["path"] for detail in error["data"]["errors"]] == ["text"]
    wrong: dict[str, Any]
    for wrong in ({"messages": []}, {"text": 1}, {"text": "x", "tools": [{"name": "?"}]}):
        assert sidecar.call("token/count", wrong)["data"]["kind"] == "invalidParams"
    assert sidecar.call("token/count", {"text": None, "messages": messages("one")})["tokens"] == 1


def test_anthropic_counts_itself(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, {"input_tokens": 42}))
    config = {"provider": "anthropic", "endpoint": server.url, "model": "claude-sonnet-5-5", "apiKey": "key"}
    counted = sidecar.call("token/count", {"text": "Hello", "tools": [TOOL], "config": config})
    assert counted == {"tokens": 42, "exact": True}
    (request,) = server.requests
    assert request.path.partition("?")[0] == "/v1/messages/count_tokens"
    assert request.json["model"] == "claude-sonnet-5-5"
    assert [tool["name"] for tool in request.json["tools"]] == ["find"]


def test_a_count_that_fails_is_an_estimate(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(500, {}))
    config = {"provider": "anthropic", "endpoint": server.url, "model": "claude-sonnet-5-5", "apiKey": "key"}
    for status, body in ((500, {}), (401, {}), (404, b"<html>"), (200, {"input_tokens": "many"}), (200, [])):
        server.script = sending(status, body)
        counted = sidecar.call("token/count", {"text": "Hello", "config": config})
        assert counted["exact"] is False, (status, body)
        assert 0 < counted["tokens"] < 10
    sidecar.assert_alive()


def test_without_a_key_it_is_an_estimate(sidecar: Sidecar) -> None:
    counted = sidecar.call("token/count", {"text": "Hello", "config": {"provider": "anthropic"}})
    assert counted["exact"] is False
