"""Anthropic when something is wrong: each failure has its kind, names the provider and gives nothing away."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.anthropic import (
    HELLO,
    KEY,
    SSE,
    answering,
    ask,
    failing,
    running,
    sending,
    sse,
)
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

HTML = b"<!doctype html>\n<html><body>Welcome to nginx!</body></html>\n"
SECRET = "canary-question-666777888"
FORM = {"type": "json_schema", "name": "form", "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process
    shown = b"".join(process.raw).decode() + "\n".join(process.log)
    assert SECRET not in shown


def failure(sidecar: Sidecar, url: str, **params: Any) -> dict[str, Any]:
    """The data of the error that a chat is answered with."""
    answer = sidecar.call("chat/complete", ask(url, **params))
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data["provider"] == "anthropic"
    assert data["userMessage"]
    return data


# By status


@pytest.mark.parametrize(
    ("status", "error_type", "kind"),
    [
        (400, "invalid_request_error", "providerRejected"),
        (401, "authentication_error", "authenticationFailed"),
        (402, "billing_error", "quotaExceeded"),
        (403, "permission_error", "authenticationFailed"),
        (404, "not_found_error", "modelNotFound"),
        (413, "request_too_large", "contextWindowExceeded"),
        (422, "invalid_request_error", "providerRejected"),
        (429, "rate_limit_error", "rateLimited"),
        (500, "api_error", "providerUnavailable"),
        (504, "timeout_error", "providerUnavailable"),
        (529, "overloaded_error", "providerUnavailable"),
        (401, "invalid_request_error", "authenticationFailed"),
        (418, "of_tomorrow", "providerRejected"),
        (503, "of_tomorrow", "providerUnavailable"),
        (302, "of_tomorrow", "providerRejected"),
    ],
)
def test_an_error_has_its_kind(sidecar: Sidecar, serve: Serve, status: int, error_type: str, kind: str) -> None:
    server = serve(sending(status, failing(error_type, SECRET), Retry_After="2"))
    data = failure(sidecar, server.url)
    assert (data["kind"], data["httpStatus"], data["upstreamRequestId"]) == (kind, status, "req_011")
    assert data["retryable"] is (kind in {"rateLimited", "providerUnavailable"})
    assert data.get("retryAfterMs") == 2000
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, failing("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), "contextWindowExceeded"),
        (
            400,
            failing("invalid_request_error", "input length and `max_tokens` exceed context limit: 9 > 8"),
            "contextWindowExceeded",
        ),
        (400, failing("invalid_request_error", "Your credit balance is too low to access the API."), "quotaExceeded"),
        (400, failing("invalid_request_error", "You have reached your specified API usage limits."), "quotaExceeded"),
        (400, failing("invalid_request_error", "Output blocked by content filtering policy"), "contentFiltered"),
        (429, failing("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}), "quotaExceeded"),
        (429, failing("rate_limit_error", details={"error_code": "ramp_limit_exceeded"}), "rateLimited"),
        (429, failing("rate_limit_error", details={"error_code": ["nonsense"]}), "rateLimited"),
        (429, failing("rate_limit_error", details="nonsense"), "rateLimited"),
    ],
)
def test_an_error_is_told_from_its_neighbours(
    sidecar: Sidecar, serve: Serve, status: int, error: dict[str, Any], kind: str
) -> None:
    assert failure(sidecar, serve(sending(status, error)).url)["kind"] == kind


@pytest.mark.parametrize(
    "body", [b"", b"plain text", HTML, b'{"error": {"message": 1}}', b'{"error": 1}', b"[]", b"\xff\xfe\x00"]
)
@pytest.mark.parametrize(
    ("status", "kinds"),
    [(401, {"authenticationFailed"}), (404, {"modelNotFound", "providerRejected"}), (500, {"providerUnavailable"})],
)
def test_a_status_is_enough(sidecar: Sidecar, serve: Serve, status: int, kinds: set[str], body: bytes) -> None:
    data = failure(sidecar, serve(sending(status, body, Content_Type="text/html")).url)
    assert data["kind"] in kinds
    assert data["httpStatus"] == status


def test_an_explanation_without_an_end_is_read_in_part(sidecar: Sidecar, serve: Serve) -> None:
    async def endless(_request: Request, reply: Reply) -> None:
        await reply.send(503, end=False)
        while True:
            await reply.chunk(b"x" * 65536)

    assert failure(sidecar, serve(endless).url)["kind"] == "providerUnavailable"


def test_an_explanation_that_breaks_off_has_still_told_the_status(sidecar: Sidecar, serve: Serve) -> None:
    async def breaking(_request: Request, reply: Reply) -> None:
        await reply.send(503, end=False)
        await reply.chunk(b'{"type": "error", "err')
        reply.reset()

    assert failure(sidecar, serve(breaking).url)["kind"] == "providerUnavailable"


def test_a_limit_that_is_told_is_kept(sidecar: Sidecar, serve: Serve) -> None:
    limits = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2999-01-01T00:00:00Z",
    }
    server = serve(sending(200, sse(*HELLO), **SSE, **limits))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    assert failure(sidecar, server.url)["kind"] == "rateLimited"
    assert len(server.requests) == 1


# Who can't be asked


@pytest.mark.parametrize("members", [{"apiKey": None}, {"apiKey": None, "headers": {}}])
def test_a_key_is_needed(sidecar: Sidecar, serve: Serve, members: dict[str, Any]) -> None:
    server = serve(answering(*HELLO))
    data = failure(sidecar, server.url, config=members)
    assert data["kind"] == "providerNotConfigured"
    assert "ANTHROPIC_API_KEY" in data["userMessage"]
    assert server.requests == []


@pytest.mark.parametrize(
    "endpoint", ["nonsense", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://[::1", "http://exa mple"]
)
def test_an_endpoint_that_makes_no_sense(sidecar: Sidecar, endpoint: str) -> None:
    assert failure(sidecar, endpoint)["kind"] in {"providerNotConfigured", "providerUnavailable"}


@pytest.mark.parametrize("value", ["two\nlines", "\u20ac", "\x00"])
def test_a_header_that_makes_no_sense(sidecar: Sidecar, serve: Serve, value: str) -> None:
    answer = sidecar.call("chat/complete", ask(serve(answering(*HELLO)).url, config={"headers": {"X-Gateway": value}}))
    assert "content" in answer or answer["data"]["kind"] == "providerNotConfigured"


def test_a_server_that_is_not_there(sidecar: Sidecar) -> None:
    data = failure(sidecar, f"http://127.0.0.1:{closed_port()}")
    assert data["kind"] == "providerUnavailable"
    assert "127.0.0.1" in data["userMessage"]


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b"\n\n",
        b"data: null\n\n",
        b"data: []\n\n",
        b"data: {}\n\n",
        b"data: hello\n\n",
        b"data: \xff\n\n",
        b'data: {"type": "error"}\n\n',
        b'data: {"type": "error", "error": 1}\n\n',
        b'data: {"type": "message_start"}\n\n',
        b'data: {"type": "message_start", "message": {"usage": 1}}\n\n',
        b'data: {"type": "message_delta", "delta": []}\n\n',
        b'data: {"type": "content_block_start", "index": [], "content_block": {"type": "text", "text": ""}}\n\n',
        b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}}\n\n',
        b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta"}}\n\n',
    ],
)
@pytest.mark.parametrize("content_type", ["text/html", "text/event-stream"])
def test_what_is_no_answer_is_never_our_error(sidecar: Sidecar, serve: Serve, body: bytes, content_type: str) -> None:
    data = failure(sidecar, serve(sending(200, body, Content_Type=content_type)).url)
    assert data["kind"] in {"providerRejected", "streamInterrupted"}


@pytest.mark.parametrize("status", [200, 404])
def test_a_web_page_is_not_anthropic(sidecar: Sidecar, serve: Serve, status: int) -> None:
    data = failure(sidecar, serve(sending(status, HTML, Content_Type="text/html")).url)
    assert data["kind"] == "providerRejected"
    assert "not Anthropic" in data["userMessage"]


# Secrets


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
def test_neither_key_nor_question_is_shown(sidecar: Sidecar, serve: Serve, status: int) -> None:
    """The process is read at the end of this module, see `sidecar` and `running`."""
    server = serve(sending(status, failing("invalid_request_error", f"Bearer {KEY} can't ask {SECRET}")))
    data = failure(sidecar, server.url, text=SECRET, config={"headers": {"X-Gateway": KEY}})
    assert data["kind"] in {"providerRejected", "authenticationFailed", "modelNotFound", "providerUnavailable"}
    assert SECRET in str(server.requests[0].json)
    assert server.requests[0].headers["x-gateway"] == KEY
