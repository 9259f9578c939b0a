"""Answers of OpenAI that are no streams, and do not come."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.providers.openai import HELLO, answering, ask, running
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

CLOSE_SECONDS = 1.0
"""The target is 250 ms; this bound is for a machine that does other things too."""


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


async def in_json(_request: Request, reply: Reply) -> None:
    await reply.send(end=False)
    await reply.hold()


def assert_closed(server: Server, since: float, place: int = 0) -> None:
    connection = server.request(place).connection
    assert connection.closed.wait(CLOSE_SECONDS), "the connection is still open"
    assert connection.closed_at - since < CLOSE_SECONDS


def test_a_cancel_closes_the_connection(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_json)
    sidecar.request("cancelled", "chat/complete", ask(server.url))
    server.request()
    sidecar.call("health/check")  # goes through the event loop, behind what the server has sent
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": "cancelled"})
    assert sidecar.response("cancelled")["error"]["data"]["kind"] == "cancelled"
    assert_closed(server, before)
    server.script = answering(*HELLO)
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


def test_a_deadline_closes_the_connection(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url))  # from here on nothing has to be imported
    server.script = in_json
    data = sidecar.call("chat/complete", ask(server.url, _meta={"timeoutMs": 300}))["data"]
    assert data["kind"] == "deadlineExceeded"
    assert_closed(server, time.monotonic(), 1)


def test_a_silent_server_is_given_up(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_json)
    sidecar.call("settings/update", {"limits": {"firstTokenTimeoutMs": 300, "maxAttempts": 3}})
    data = sidecar.call("chat/complete", ask(server.url))["data"]
    sidecar.call("settings/update", {"limits": {"firstTokenTimeoutMs": None, "maxAttempts": 1}})
    assert data["kind"] == "providerUnavailable"
    assert_closed(server, time.monotonic())
    assert len(server.requests) == 1
