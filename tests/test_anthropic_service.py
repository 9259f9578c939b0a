"""Anthropic beside the answers: requests that end early, which models there are, and whether it is there."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.providers.anthropic import (
    HELLO,
    SSE,
    answering,
    ask,
    begin,
    config,
    failing,
    running,
    sending,
    sse,
    text,
)
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

TOOL = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


# Beside the answers


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


@pytest.mark.parametrize("body", [b"<html></html>", {"input_tokens": "many"}, {}])
def test_a_prompt_that_is_not_counted_is_estimated(sidecar: Sidecar, serve: Serve, body: Any) -> None:
    params = {"config": config(serve(sending(200, body)).url), "messages": [{"role": "user", "content": "Hello"}]}
    assert sidecar.call("token/count", params)["exact"] is False


def test_a_tool_that_is_nested_deeply_is_counted_too(sidecar: Sidecar, serve: Serve) -> None:
    nested: dict[str, Any] = {}
    for _ in range(120):
        nested = {"a": nested}
    messages = [{"role": "user", "content": "Hello"}]
    params = {"messages": messages, "tools": [{**TOOL, "parameters": nested}]}
    server = serve(sending(200, {"input_tokens": 42}))
    assert sidecar.call("token/count", {"config": config(server.url), **params}) == {"tokens": 42, "exact": True}


def test_there_are_no_embeddings(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    data = sidecar.call("embedding/create", {"input": ["x"], "config": config(server.url)})["data"]
    assert data["kind"] == "providerNotConfigured"
    assert "openai" in data["userMessage"]
    assert server.requests == []


# Requests that end early


CLOSE_SECONDS = 1.0
"""The target is 250 ms; this bound is for a machine that does other things too."""


async def before_the_headers(_request: Request, reply: Reply) -> None:
    await reply.hold()


async def before_the_first_piece(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(begin()))
    await reply.hold()


async def in_an_event(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(begin(), *text("Hel")) + b"event: content_blo")
    await reply.hold()


async def in_an_error(_request: Request, reply: Reply) -> None:
    await reply.send(500, end=False)
    await reply.hold()


PHASES = pytest.mark.parametrize(
    ("script", "partial"),
    [(before_the_headers, None), (before_the_first_piece, None), (in_an_event, "Hel")],
    ids=["before-headers", "before-first-piece", "mid-stream"],
)


def closed_within_bounds(server: Server, since: float) -> None:
    connection = server.requests[-1].connection
    assert connection.closed.wait(CLOSE_SECONDS), "the connection is still open"
    assert connection.closed_at - since < CLOSE_SECONDS


@PHASES
def test_a_cancel_closes_the_connection(sidecar: Sidecar, serve: Serve, script: Script, partial: str | None) -> None:
    server = serve(script)
    request_id = f"cancelled-{script.__name__}"
    sidecar.request(request_id, "chat/complete", ask(server.url))
    server.request()
    sidecar.wait_until(lambda: not partial or sidecar.notifications(request_id, "stream/token"))
    sidecar.call("health/check")  # goes through the event loop, behind what the server has sent
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": request_id})
    data = sidecar.response(request_id)["error"]["data"]
    assert (data["kind"], data.get("partial")) == ("cancelled", partial)
    closed_within_bounds(server, before)
    server.script = answering(*HELLO)
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


@PHASES
def test_a_deadline_closes_the_connection(sidecar: Sidecar, serve: Serve, script: Script, partial: str | None) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url))  # from here on nothing has to be imported
    server.script = script
    data = sidecar.call("chat/complete", ask(server.url, _meta={"timeoutMs": 300}))["data"]
    assert (data["kind"], data.get("partial")) == ("deadlineExceeded", partial)
    closed_within_bounds(server, time.monotonic())


def test_a_cancel_ends_a_connection_that_is_being_made(sidecar: Sidecar) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        with socket.create_connection(address), closing(_knocking(address)):  # nobody else gets in
            sidecar.request("connecting", "chat/complete", ask("http://{}:{}".format(*address)))
            sidecar.call("health/check")
            before = time.monotonic()
            sidecar.notify("$/cancelRequest", {"id": "connecting"})
            assert sidecar.response("connecting")["error"]["data"]["kind"] == "cancelled"
            assert time.monotonic() - before < CLOSE_SECONDS


def _knocking(address: tuple[str, int]) -> socket.socket:
    knocking = socket.socket()
    knocking.setblocking(False)
    knocking.connect_ex(address)
    return knocking


def test_a_cancel_ends_the_wait_between_two_tries(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(529, failing("overloaded_error"), Retry_After="30"))
    sidecar.call("settings/update", {"limits": {"maxAttempts": 2}})
    sidecar.request("between", "chat/complete", ask(server.url))
    sidecar.wait_until(lambda: sidecar.notifications("between", "stream/progress"))
    sidecar.notify("$/cancelRequest", {"id": "between"})
    assert sidecar.response("between")["error"]["data"]["kind"] == "cancelled"
    assert len(server.requests) == 1
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})


def test_an_error_that_does_not_end_is_answered_at_once(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_an_error)
    assert sidecar.call("chat/complete", ask(server.url))["data"]["kind"] == "providerUnavailable"
    closed_within_bounds(server, time.monotonic())


# Silence


async def pinging(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(begin()))
    while True:
        await reply.chunk(sse({"type": "ping"}) + b": still here\n\n")
        await asyncio.sleep(0.02)


async def pinging_in_the_middle(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(begin(), *text("Hel")))
    while True:
        await reply.chunk(sse({"type": "ping"}))
        await asyncio.sleep(0.02)


@pytest.fixture
def impatient(sidecar: Sidecar) -> Iterator[Sidecar]:
    sidecar.call("settings/update", {"limits": {"firstTokenTimeoutMs": 200, "idleTimeoutMs": 100}})
    yield sidecar
    sidecar.call("settings/update", {"limits": {"firstTokenTimeoutMs": None, "idleTimeoutMs": None}})


@pytest.mark.parametrize(
    ("script", "kind", "partial"),
    [
        (before_the_headers, "providerUnavailable", None),
        (before_the_first_piece, "providerUnavailable", None),
        (pinging, "providerUnavailable", None),
        (in_an_event, "streamInterrupted", "Hel"),
        (pinging_in_the_middle, "streamInterrupted", "Hel"),
    ],
)
def test_a_silence_is_not_endured_for_ever(
    impatient: Sidecar, serve: Serve, script: Script, kind: str, partial: str | None
) -> None:
    server = serve(script)
    data = impatient.call("chat/complete", ask(server.url))["data"]
    assert (data["kind"], data.get("partial")) == (kind, partial)
    closed_within_bounds(server, time.monotonic())


def test_a_slow_first_piece_is_waited_for(sidecar: Sidecar, serve: Serve) -> None:
    sidecar.call("settings/update", {"limits": {"idleTimeoutMs": 100}})

    async def slow(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        await reply.chunk(sse(begin()))
        await asyncio.sleep(0.3)
        await reply.chunk(sse(*HELLO[1:]))
        await reply.end()

    assert sidecar.call("chat/complete", ask(serve(slow).url))["content"] == "Hello"
    sidecar.call("settings/update", {"limits": {"idleTimeoutMs": None}})
