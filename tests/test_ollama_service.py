"""Ollama beside the answers: requests that end early, which models there are, and whether it is there."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.ollama import NDJSON, answering, ask, last, lines, piece, sending
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar

CLOSE_SECONDS = 1.0
"""The target is 250 ms; this bound is for a machine that does other things too."""

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


# Requests that end early


async def before_the_headers(_request: Request, reply: Reply) -> None:
    await reply.hold()


async def before_the_first_line(_request: Request, reply: Reply) -> None:
    await reply.send(headers=NDJSON, end=False)
    await reply.hold()


async def in_a_line(_request: Request, reply: Reply) -> None:
    await reply.send(headers=NDJSON, end=False)
    await reply.chunk(lines(piece("Hel")) + b'{"message"')
    await reply.hold()


PHASES = pytest.mark.parametrize(
    ("script", "partial"),
    [(before_the_headers, None), (before_the_first_line, None), (in_a_line, "Hel")],
    ids=["before-headers", "before-first-line", "mid-stream"],
)


def closed_within_bounds(server: Server, since: float, request: int) -> None:
    connection = server.request(request).connection
    assert connection.closed.wait(CLOSE_SECONDS), "the connection is still open"
    assert connection.closed_at - since < CLOSE_SECONDS


@PHASES
def test_a_cancel_closes_the_connection(sidecar: Sidecar, serve: Serve, script: Script, partial: str | None) -> None:
    server = serve(script)
    sidecar.request(1, "chat/complete", ask(server.url))
    server.request()
    if partial:
        sidecar.wait_for(lambda message: message.get("method") == "stream/token")
    sidecar.call("health/check")  # goes through the event loop, behind what the server has sent
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": 1})
    data = sidecar.response(1)["error"]["data"]
    assert (data["kind"], data.get("partial")) == ("cancelled", partial)
    closed_within_bounds(server, before, 0)
    server.script = answering(piece("Hi"), last())
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hi"
    sidecar.assert_alive()


@PHASES
def test_a_deadline_closes_the_connection(sidecar: Sidecar, serve: Serve, script: Script, partial: str | None) -> None:
    server = serve(answering(piece("Hi"), last()))
    sidecar.call("chat/complete", ask(server.url))  # from here on nothing has to be imported
    server.script = script
    data = sidecar.call("chat/complete", ask(server.url, _meta={"timeoutMs": 700}))["data"]
    assert (data["kind"], data.get("partial")) == ("deadlineExceeded", partial)
    closed_within_bounds(server, time.monotonic(), 1)


def test_the_end_of_one_answer_leaves_the_others_alone(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_a_line)
    for request_id in (1, 2):
        sidecar.request(request_id, "chat/complete", ask(server.url))
        server.request(request_id - 1)
    sidecar.wait_until(lambda: all(sidecar.notifications(request_id) for request_id in (1, 2)))
    sidecar.notify("$/cancelRequest", {"id": 1})
    sidecar.response(1)
    closed_within_bounds(server, time.monotonic(), 0)
    assert not server.requests[1].connection.closed.is_set()
    assert sidecar.call("health/check")["inFlight"] == 2


def test_an_error_that_does_not_end_is_answered_at_once(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(500, end=False)
        await reply.hold()

    server = serve(script)
    assert sidecar.call("chat/complete", ask(server.url))["data"]["kind"] == "providerUnavailable"
    closed_within_bounds(server, time.monotonic(), 0)


def test_a_shutdown_closes_the_connection(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_a_line)
    sidecar.request(1, "chat/complete", ask(server.url))
    sidecar.wait_for(lambda message: message.get("method") == "stream/token")
    assert sidecar.call("shutdown", {"graceMs": 50}) == {}
    assert sidecar.response(1)["error"]["data"]["kind"] == "shuttingDown"
    assert sidecar.end() == 0
    assert server.requests[0].connection.closed.wait(CLOSE_SECONDS)


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


def test_models_of_a_server_that_is_not_there(sidecar: Sidecar) -> None:
    choose(sidecar, f"http://127.0.0.1:{closed_port()}")
    result = sidecar.call("model/list", {"provider": "ollama"})
    assert result["models"] == []
    assert [(error["provider"], error["kind"]) for error in result["errors"]] == [("ollama", "providerUnavailable")]
    assert result["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b'{"models": 1}', b'{"models": [{}]}', b'{"models": ["x"]}'])
def test_what_is_no_list_of_models_is_never_our_error(sidecar: Sidecar, serve: Serve, body: bytes) -> None:
    choose(sidecar, serve(sending(200, body)).url)
    result = sidecar.call("model/list", {"provider": "ollama"})
    assert result.get("models") == [], result
    assert {error["kind"] for error in result["errors"]} <= {"providerRejected"}


@pytest.mark.parametrize("status", [404, 500])
def test_models_are_not_to_blame_when_they_can_not_be_listed(sidecar: Sidecar, serve: Serve, status: int) -> None:
    choose(sidecar, serve(sending(status, {"error": "no"})).url)
    result = sidecar.call("model/list", {"provider": "ollama"})
    kind = "providerRejected" if status == 404 else "providerUnavailable"
    assert (result["models"], [error["kind"] for error in result["errors"]]) == ([], [kind])


# Readiness


def test_it_is_ready_when_the_server_answers(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, {"version": "0.12.6"}))
    choose(sidecar, server.url)
    ready = sidecar.call("health/ready")
    assert (ready["ready"], ready["components"]["provider"]["status"]) == (True, "healthy")
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/api/version")]


@pytest.mark.parametrize("status", [None, 401, 500])
def test_it_is_not_ready_when_the_server_fails(sidecar: Sidecar, serve: Serve, status: int | None) -> None:
    refusing = f"http://127.0.0.1:{closed_port()}"
    choose(sidecar, serve(sending(status, {"error": "no"})).url if status else refusing)
    ready = sidecar.call("health/ready")
    assert ready["ready"] is False
    assert ready["components"]["provider"]["status"] == "unhealthy"
    assert ready["components"]["provider"]["message"]


def test_a_web_page_is_no_sign_of_readiness(sidecar: Sidecar, serve: Serve) -> None:
    choose(sidecar, serve(sending(200, b"<html>Welcome</html>", Content_Type="text/html")).url)
    assert sidecar.call("health/ready")["ready"] is False


def test_readiness_waits_for_a_silent_server_for_a_bounded_time(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(before_the_headers)
    choose(sidecar, server.url)
    assert sidecar.call("health/ready")["ready"] is False
    assert server.request().connection.closed.wait(CLOSE_SECONDS)
