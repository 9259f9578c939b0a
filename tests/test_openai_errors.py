"""OpenAI when something is wrong: each failure has its kind, names the provider and gives nothing away."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.openai import (
    HELLO,
    KEY,
    SSE,
    answering,
    ask,
    begin,
    completed,
    failed,
    refusing,
    running,
    sending,
    sse,
    text,
    thinking,
)
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar, question

Serve = Callable[[Script], Server]

HTML = b"<!doctype html>\n<html><body>Welcome to nginx!</body></html>\n"
HEL = [*begin(), *text("Hel", "lo")[:4]]


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def failure(sidecar: Sidecar, url: str, **params: Any) -> dict[str, Any]:
    """The data of the error that a chat is answered with."""
    answer = sidecar.call("chat/complete", ask(url, **params))
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data["provider"] == "openai"
    assert data["userMessage"]
    return data


# In place of an answer


@pytest.mark.parametrize(
    ("status", "kind", "is_transient"),
    [
        (400, "providerRejected", False),
        (401, "authenticationFailed", False),
        (402, "quotaExceeded", False),
        (403, "authenticationFailed", False),
        (404, "providerRejected", False),
        (405, "providerRejected", False),
        (408, "providerUnavailable", True),
        (413, "contextWindowExceeded", False),
        (418, "providerRejected", False),
        (422, "providerRejected", False),
        (429, "rateLimited", True),
        (500, "providerUnavailable", True),
        (503, "providerUnavailable", True),
        (529, "providerUnavailable", True),
    ],
)
def test_a_status_has_its_kind(sidecar: Sidecar, serve: Serve, status: int, kind: str, is_transient: bool) -> None:
    for body in (refusing(None), {"detail": "no"}, HTML, b""):
        server = serve(sending(status, body, Retry_After="0"))
        data = failure(sidecar, server.url)
        assert (data["kind"], data["retryable"], data["httpStatus"]) == (kind, is_transient, status)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, refusing("insufficient_quota", "insufficient_quota"), "quotaExceeded"),
        (429, refusing("billing_hard_limit_reached"), "quotaExceeded"),
        (429, refusing("rate_limit_exceeded", "tokens"), "rateLimited"),
        (400, refusing("context_length_exceeded", param="input"), "contextWindowExceeded"),
        (400, refusing("string_above_max_length"), "contextWindowExceeded"),
        (400, refusing(None, "BadRequestError", message="The maximum context length is 9"), "contextWindowExceeded"),
        (400, refusing("400", "exceed_context_size_error"), "contextWindowExceeded"),
        (400, refusing("content_filter", param="prompt"), "contentFiltered"),
        (400, refusing("content_policy_violation"), "contentFiltered"),
        (400, refusing("invalid_prompt"), "contentFiltered"),
        (404, refusing("model_not_found"), "modelNotFound"),
        (404, refusing(None, "NotFoundError", message="The model `x` does not exist."), "modelNotFound"),
        (400, refusing("model_not_found", param="model"), "modelNotFound"),
        (404, refusing(None, message="Invalid URL (POST /v1/models/chat)"), "providerRejected"),
        (404, refusing("404", "not_found_error", message="File Not Found"), "providerRejected"),
        (401, refusing("invalid_api_key"), "authenticationFailed"),
        (401, refusing(None), "authenticationFailed"),
        (400, [refusing("400", message="API key not valid. Please pass a valid API key.")], "authenticationFailed"),
        (403, refusing("unsupported_country_region_territory", "request_forbidden"), "authenticationFailed"),
        (400, refusing("unsupported_value", param="input"), "providerRejected"),
        (400, {"error": "no such thing"}, "providerRejected"),
        (400, {"error": 7}, "providerRejected"),
        (400, {"error": {"code": {}, "type": [], "param": 1, "message": None}}, "providerRejected"),
        (500, refusing("invalid_api_key"), "providerUnavailable"),
    ],
)
def test_what_is_said_of_an_error_goes_before_its_status(
    sidecar: Sidecar, serve: Serve, status: int, error: Any, kind: str
) -> None:
    data = failure(sidecar, serve(sending(status, error)).url)
    assert (data["kind"], data["httpStatus"]) == (kind, status)
    assert data.get("upstreamRequestId") == ("req_011" if kind != "providerRejected" or status != 404 else None)


def test_a_model_that_is_not_there_is_named(sidecar: Sidecar, serve: Serve) -> None:
    assert '"test-model"' in failure(sidecar, serve(sending(404, refusing("model_not_found"))).url)["userMessage"]


def test_the_provider_says_how_long_to_wait(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(429, refusing("rate_limit_exceeded"), Retry_After_Ms="30000"))
    assert failure(sidecar, server.url)["retryAfterMs"] == 30000


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (sending(200, HTML, Content_Type="text/html; charset=utf-8"), 200),
        (sending(200, {"error": "Unexpected endpoint or method. (POST /responses)"}), 200),
        (sending(200, {"choices": [{"message": {"content": "Hi"}}]}), 200),
        (sending(200, b"nonsense"), 200),
        (sending(301, b"", Location="https://example.org/"), 301),
        (sending(404, HTML, Content_Type="text/html"), 404),
        (sending(501, HTML, Content_Type="text/html"), 501),
        (sending(200, b"data: hello\n\n", **SSE), None),
        (sending(200, b"data: [1]\n\n", **SSE), None),
        (sending(200, b'data: {"choices": []}\n\n', **SSE), None),
        (sending(200, b'data: {"type": "response.output_text.delta", "delta": 5}\n\n', **SSE), None),
        (sending(200, b'data: {"type": "response.completed"}\n\n', **SSE), None),
        (
            sending(200, b'data: {"type": "response.output_item.done", "item": {"type": "function_call"}}\n\n', **SSE),
            None,
        ),
    ],
)
def test_what_is_not_the_api_is_told_apart(sidecar: Sidecar, serve: Serve, script: Script, status: int | None) -> None:
    data = failure(sidecar, serve(script).url)
    assert (data["kind"], data.get("httpStatus")) == ("providerRejected", status)
    assert "not openai" in data["userMessage"].lower()


def test_an_error_under_a_good_status_is_an_error(sidecar: Sidecar, serve: Serve) -> None:
    data = failure(sidecar, serve(sending(200, refusing("insufficient_quota"))).url)
    assert data["kind"] == "quotaExceeded"


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:1", "ftp://localhost", "http://", "http://127.0.0.1:port", "http://[::1", "http://a\u0000b/", "x"],
)
def test_an_endpoint_that_makes_no_sense(sidecar: Sidecar, endpoint: str) -> None:
    data = failure(sidecar, endpoint)
    assert data["kind"] == "providerNotConfigured"
    assert "endpoint" in data["userMessage"]


@pytest.mark.parametrize(
    "members", [{"apiKey": "sch\u00f6n-secret"}, {"apiKey": "a\nb-secret"}, {"headers": {"X": "a\rb"}}]
)
def test_a_header_that_makes_no_sense(sidecar: Sidecar, serve: Serve, members: dict[str, Any]) -> None:
    server = serve(answering(*HELLO))
    assert failure(sidecar, server.url, config=members)["kind"] == "providerNotConfigured"
    assert server.requests == []


def test_nobody_listens(sidecar: Sidecar) -> None:
    data = failure(sidecar, f"http://127.0.0.1:{closed_port()}")
    assert data["kind"] == "providerUnavailable"
    assert "127.0.0.1" in data["userMessage"]


@pytest.mark.parametrize("cut", [Reply.reset, Reply.close], ids=["reset", "close"])
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 4", b"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\n{"])
def test_a_connection_that_is_lost_before_the_answer(
    sidecar: Sidecar, serve: Serve, cut: Callable[[Reply], None], head: bytes
) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.raw(head)
        cut(reply)

    assert failure(sidecar, serve(script).url)["kind"] in {"providerUnavailable", "authenticationFailed"}


def test_what_is_missing_in_the_config_is_named(sidecar: Sidecar) -> None:
    error = sidecar.call("chat/complete", question(config={"provider": "openai"}))
    assert error["data"]["kind"] == "providerNotConfigured"
    assert "OPENAI_API_KEY" in error["data"]["userMessage"]
    ready = sidecar.call("model/list", {"provider": "openai"})
    assert [error["kind"] for error in ready["errors"]] == ["providerNotConfigured"]


# In the stream


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (failed("rate_limit_exceeded"), "rateLimited"),
        (failed("server_error"), "providerUnavailable"),
        (failed("insufficient_quota"), "quotaExceeded"),
        (failed("context_length_exceeded"), "contextWindowExceeded"),
        (failed("invalid_prompt"), "contentFiltered"),
        (failed("misalignment_policy_violation"), "contentFiltered"),
        (failed("something_new"), "providerUnavailable"),
        ({"type": "response.failed", "response": {"error": None}}, "providerUnavailable"),
        ({"type": "response.failed", "response": None}, "providerUnavailable"),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "-", "param": None}, "rateLimited"),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "code": "x", "message": "-"}},
            "providerRejected",
        ),
        ({"type": "error", "error": {"code": 429, "message": "-"}}, "rateLimited"),
        ({"error": {"code": "server_error", "message": "-"}}, "providerUnavailable"),
        ({"type": "error"}, "providerUnavailable"),
    ],
)
def test_an_error_in_place_of_text_has_its_kind(sidecar: Sidecar, serve: Serve, event: Any, kind: str) -> None:
    server = serve(answering(*begin(), *thinking("Hm."), event))
    data = failure(sidecar, server.url)
    assert (data["kind"], data.get("partial")) == (kind, None)
    server.script = answering(*HEL, event)
    data = failure(sidecar, server.url)
    assert (data["kind"], data["partial"], data["retryable"]) == ("streamInterrupted", "Hello", True)


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.refusal.delta", "delta": "I can't"}],
        [{"type": "response.refusal.done", "refusal": "I can't"}],
        [{"type": "response.output_item.done", "item": {"type": "message", "content": [{"type": "refusal"}]}}],
    ],
)
def test_a_model_that_refuses(sidecar: Sidecar, serve: Serve, events: list[Any]) -> None:
    server = serve(answering(*begin(), *events, completed()))
    assert failure(sidecar, server.url)["kind"] == "contentFiltered"
    if events[0]["type"].startswith("response.refusal"):
        server.script = answering(*HEL, *events, completed())
        result = sidecar.call("chat/complete", ask(server.url))
        assert (result["content"], result["finishReason"]) == ("Hello", "contentFilter")


@pytest.mark.parametrize(
    "script",
    [
        answering(*HEL),
        sending(200, sse(*HEL) + b'data: {"type": "response.output_te\n\n', **SSE),
        sending(200, sse(*HEL) + b'data: {"type": "response.output_text.delta"}\n\n', **SSE),
        sending(200, sse(*HEL) + b"data: {}\n\n", **SSE),
        sending(200, sse(*HEL) + sse(completed())[:-9], **SSE),
    ],
    ids=["end", "no json", "no delta", "no type", "cut"],
)
def test_an_answer_without_its_end_is_interrupted(sidecar: Sidecar, serve: Serve, script: Script) -> None:
    data = failure(sidecar, serve(script).url)
    assert (data["kind"], data["partial"], data["retryable"]) == ("streamInterrupted", "Hello", True)


# Secrets


def test_a_question_and_a_key_are_not_repeated_in_an_error(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        told = f"can't parse {request.body.decode()} of {request.headers['authorization']}"
        await reply.send(400, json.dumps(refusing("bad_thing", message=told)).encode())

    server = serve(script)
    failure(sidecar, server.url, text="canary-question-666777888")
    server.script = answering(failed("bad_thing", "canary-question-666777888"))
    failure(sidecar, server.url)
    shown = b"".join(sidecar.raw).decode() + "\n".join(sidecar.log)
    assert "canary-question-666777888" not in shown
    assert KEY not in shown
