"""Answers of OpenAI that end early: silence, cancels, deadlines."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.openai import HELLO, SSE, answering, ask, begin, running, sending, sse, text
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, wait_until

Serve = Callable[[Script], Server]

CLOSE_SECONDS = 1.0
"""The target is 250 ms; this bound is for a machine that does other things too."""


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


@pytest.fixture
def limits(sidecar: Sidecar) -> Iterator[Callable[..., None]]:
    """Sets limits for one test."""
    changed: dict[str, Any] = {}

    def change(**members: Any) -> None:
        changed.update(members)
        assert "code" not in sidecar.call("settings/update", {"limits": members})

    yield change
    sidecar.call("settings/update", {"limits": {**dict.fromkeys(changed), "maxAttempts": 1}})


async def before_the_head(_request: Request, reply: Reply) -> None:
    await reply.hold()


async def before_the_first_event(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.hold()


async def before_the_first_text(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(*begin()))
    await reply.hold()


async def in_an_event(_request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(*text("Hel")[:3]) + b'data: {"type"')
    await reply.hold()


async def in_json(_request: Request, reply: Reply) -> None:
    await reply.send(end=False)
    await reply.hold()


async def in_an_error(_request: Request, reply: Reply) -> None:
    await reply.send(500, end=False)
    await reply.hold()


PHASES = pytest.mark.parametrize(
    ("script", "partial"),
    [
        (before_the_head, None),
        (before_the_first_event, None),
        (before_the_first_text, None),
        (in_an_event, "Hel"),
        (in_json, None),
        (in_an_error, None),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)


def assert_closed(server: Server, since: float, place: int = 0) -> None:
    connection = server.request(place).connection
    assert connection.closed.wait(CLOSE_SECONDS), "the connection is still open"
    assert connection.closed_at - since < CLOSE_SECONDS


@PHASES
def test_a_cancel_closes_the_connection(
    sidecar: Sidecar, serve: Serve, request: pytest.FixtureRequest, script: Script, partial: str | None
) -> None:
    server, request_id = serve(script), request.node.name
    sidecar.request(request_id, "chat/complete", ask(server.url))
    server.request()
    if partial:
        sidecar.wait_until(lambda: sidecar.notifications(request_id, "stream/token"))
    sidecar.call("health/check")  # goes through the event loop, behind what the server has sent
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": request_id})
    data = sidecar.response(request_id)["error"]["data"]
    assert (data["kind"], data.get("partial")) == ("cancelled", partial)
    assert_closed(server, before)
    server.script = answering(*HELLO)
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


@PHASES
def test_a_deadline_closes_the_connection(sidecar: Sidecar, serve: Serve, script: Script, partial: str | None) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url))  # from here on nothing has to be imported
    server.script = script
    data = sidecar.call("chat/complete", ask(server.url, _meta={"timeoutMs": 500}))["data"]
    assert (data["kind"], data.get("partial")) == ("deadlineExceeded", partial)
    assert_closed(server, time.monotonic(), 1)


def test_a_cancel_while_connecting_closes_the_connection(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(before_the_head)  # and before that, it waits for a request where TLS says hello
    sidecar.request("connecting", "chat/complete", ask(server.url.replace("http:", "https:")))
    wait_until(lambda: server.connections)
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": "connecting"})
    assert sidecar.response("connecting")["error"]["data"]["kind"] == "cancelled"
    assert server.connections[0].closed.wait(CLOSE_SECONDS)
    assert time.monotonic() - before < CLOSE_SECONDS
    assert server.requests == []


def test_a_cancel_between_two_tries_is_answered_at_once(
    sidecar: Sidecar, serve: Serve, limits: Callable[..., None]
) -> None:
    limits(maxAttempts=3)
    server = serve(sending(503, b"", Retry_After="20"))
    sidecar.request("between", "chat/complete", ask(server.url))
    sidecar.wait_until(lambda: sidecar.notifications("between", "stream/progress"))
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": "between"})
    assert sidecar.response("between")["error"]["data"]["kind"] == "cancelled"
    assert time.monotonic() - before < CLOSE_SECONDS
    assert len(server.requests) == 1


def test_the_end_of_one_answer_leaves_the_others_alone(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_an_event)
    for request_id in ("one", "other"):
        sidecar.request(request_id, "chat/complete", ask(server.url))
    sidecar.wait_until(lambda: all(sidecar.notifications(request_id) for request_id in ("one", "other")))
    for place, request_id in enumerate(("one", "other")):
        sidecar.notify("$/cancelRequest", {"id": request_id})
        sidecar.response(request_id)
        open_ones = [connection for connection in server.connections if not connection.closed.wait(CLOSE_SECONDS / 2)]
        assert len(open_ones) == 1 - place


SILENT = [before_the_head, before_the_first_event, in_json, in_an_error]


@pytest.mark.parametrize("script", SILENT, ids=lambda script: script.__name__)
def test_a_silent_server_is_given_up(
    sidecar: Sidecar, serve: Serve, limits: Callable[..., None], script: Script
) -> None:
    limits(firstTokenTimeoutMs=300, maxAttempts=3)
    server = serve(script)
    data = sidecar.call("chat/complete", ask(server.url))["data"]
    assert data["kind"] == "providerUnavailable"
    assert_closed(server, time.monotonic())
    assert len(server.requests) == 1


async def keeping_alive(_request: Request, reply: Reply) -> None:
    """Says nothing, again and again, until the client has gone."""
    while True:
        await reply.chunk(b": keep-alive\n\n")
        await reply.chunk(sse({"type": "keepalive"}))
        await asyncio.sleep(0.01)


async def keeping_alive_from_the_start(request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await keeping_alive(request, reply)


async def keeping_alive_after_some_text(request: Request, reply: Reply) -> None:
    await reply.send(headers=SSE, end=False)
    await reply.chunk(sse(*text("Hel")[:3]))
    await keeping_alive(request, reply)


def test_signs_of_life_are_no_answer(sidecar: Sidecar, serve: Serve, limits: Callable[..., None]) -> None:
    limits(firstTokenTimeoutMs=300, idleTimeoutMs=300)
    data = sidecar.call("chat/complete", ask(serve(keeping_alive_from_the_start).url))["data"]
    assert (data["kind"], data.get("partial")) == ("providerUnavailable", None)
    data = sidecar.call("chat/complete", ask(serve(keeping_alive_after_some_text).url))["data"]
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")


def test_readiness_and_models_wait_for_a_bounded_time(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(before_the_head)
    config = ask(server.url)["config"]
    sidecar.call("settings/update", {"config": config})
    assert sidecar.call("health/ready")["ready"] is False
    assert server.request().connection.closed.wait(CLOSE_SECONDS)


def test_a_shutdown_closes_the_connection(start: Callable[..., Sidecar], serve: Serve) -> None:
    sidecar = start()
    server = serve(in_an_event)
    sidecar.request(1, "chat/complete", ask(server.url))
    sidecar.wait_for(lambda message: message.get("method") == "stream/token")
    assert sidecar.call("shutdown", {"graceMs": 50}) == {}
    assert sidecar.response(1)["error"]["data"]["kind"] == "shuttingDown"
    assert sidecar.end() == 0
    assert server.requests[0].connection.closed.wait(CLOSE_SECONDS)
