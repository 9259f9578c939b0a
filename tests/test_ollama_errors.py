"""Ollama when something is wrong: each failure has its kind, names the provider and gives nothing away."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.ollama import NDJSON, answering, ask, last, lines, piece, sending
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar

KEY = "canary-key-000111222"
HEADER = "canary-header-333444555"
HTML = b"<!doctype html>\n<html><body>Welcome to nginx!</body></html>\n"
HELLO = [piece("Hel"), piece("lo")]

Serve = Callable[[Script], Server]


@pytest.fixture
def sidecar(sidecar: Sidecar) -> Sidecar:
    return asking_once(sidecar)


def asking_once(sidecar: Sidecar) -> Sidecar:
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    return sidecar


def failure(sidecar: Sidecar, url: str | None, **params: Any) -> dict[str, Any]:
    """The data of the error that a chat is answered with."""
    answer = sidecar.call("chat/complete", ask(url, **params))
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data["provider"] == "ollama"
    assert data["userMessage"]
    return data


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "providerRejected", False),
        (401, "authenticationFailed", False),
        (403, "authenticationFailed", False),
        (404, "modelNotFound", False),
        (408, "providerUnavailable", True),
        (413, "contextWindowExceeded", False),
        (418, "providerRejected", False),
        (429, "rateLimited", True),
        (500, "providerUnavailable", True),
        (503, "providerUnavailable", True),
        (529, "providerUnavailable", True),
    ],
)
def test_a_status_has_its_kind(sidecar: Sidecar, serve: Serve, status: int, kind: str, retryable: bool) -> None:
    server = serve(sending(status, {"error": "model 'test-model' not found"}, Retry_After="2"))
    data = failure(sidecar, server.url)
    assert (data["kind"], data["httpStatus"], data["retryable"]) == (kind, status, retryable)
    if status == 429:
        assert data["retryAfterMs"] == 2000
    assert "partial" not in data


@pytest.mark.parametrize("body", [b"", b"plain text", HTML, b'{"error": {"message": 1}}', b"[]", b"\xff\xfe\x00"])
@pytest.mark.parametrize(
    ("status", "kind"), [(404, {"modelNotFound", "providerRejected"}), (500, {"providerUnavailable"})]
)
def test_a_status_is_enough(sidecar: Sidecar, serve: Serve, status: int, kind: set[str], body: bytes) -> None:
    data = failure(sidecar, serve(sending(status, body, Content_Type="text/html")).url)
    assert data["kind"] in kind
    assert data["httpStatus"] == status


def test_a_server_that_breaks_off_its_explanation_has_still_told_the_status(sidecar: Sidecar, serve: Serve) -> None:

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(503, headers=NDJSON, end=False)
        await reply.chunk(b'{"error": "ov')
        reply.reset()

    assert failure(sidecar, serve(script).url)["kind"] == "providerUnavailable"


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "\u00b2", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_wait_that_makes_no_sense_is_ignored(sidecar: Sidecar, serve: Serve, text: str) -> None:
    data = failure(sidecar, serve(sending(429, {"error": "slow down"}, Retry_After=text)).url)
    assert data["kind"] == "rateLimited"
    assert data.get("retryAfterMs", 0) >= 0


def test_a_server_that_is_not_there(sidecar: Sidecar) -> None:
    data = failure(sidecar, f"http://127.0.0.1:{closed_port()}")
    assert (data["kind"], data["retryable"]) == ("providerUnavailable", True)
    assert all(word in data["userMessage"].lower() for word in ("ollama", "start"))


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "::bad", "ftp://127.0.0.1:1", "http://127.0.0.1:1"])
def test_a_proxy_that_is_of_no_use_is_never_our_error(start: Callable[..., Sidecar], proxy: str) -> None:
    env = {"ALL_PROXY": proxy, "all_proxy": proxy, "NO_PROXY": "", "no_proxy": ""}
    data = failure(asking_once(start(env=env)), "http://ollama.invalid:11434")
    assert data["kind"] in {"providerUnavailable", "providerNotConfigured"}


def test_a_chat_without_a_model_is_not_configured(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(last()))
    config = {"provider": "ollama", "endpoint": server.url}
    error = sidecar.call("chat/complete", {"messages": [{"role": "user", "content": "?"}], "config": config})
    assert error["data"]["kind"] == "providerNotConfigured"
    assert "model" in error["data"]["userMessage"].lower()
    assert server.requests == []


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b"\n\n",
        b"null\n",
        b"[]\n",
        b"7\n",
        b"\xff\xfe\n",
        b"{}",
        b'{"message": "x"}\n',
        b'{"message": {"content": 5}}\n',
        b'{"message": {"thinking": ["x"]}}\n',
        b'{"done": true, "prompt_eval_count": "many"}\n',
    ],
)
def test_what_is_no_ollama_answer_is_never_our_error(sidecar: Sidecar, serve: Serve, body: bytes) -> None:
    data = failure(sidecar, serve(sending(200, body, Content_Type="text/html")).url)
    assert data["kind"] in {"providerRejected", "streamInterrupted"}
    sidecar.assert_alive()


def test_a_web_page_is_not_an_ollama_server(sidecar: Sidecar, serve: Serve) -> None:
    answer = sidecar.call("chat/complete", ask(serve(sending(200, HTML, Content_Type="text/html")).url))
    assert answer["data"]["kind"] == "providerRejected"
    assert "not ollama" in f"{answer['message']} {answer['data']['userMessage']}".lower()


@pytest.mark.parametrize("calls", [[{}], [{"function": {"name": "find", "arguments": "{}"}}], "x", [None]])
def test_a_broken_tool_call_is_never_our_error(sidecar: Sidecar, serve: Serve, calls: Any) -> None:
    answer = sidecar.call("chat/complete", ask(serve(answering(piece(tool_calls=calls), last())).url))
    if "data" in answer:
        assert answer["data"]["kind"] in {"providerRejected", "streamInterrupted"}
    sidecar.assert_alive()


# In the middle of a stream


def test_an_error_in_place_of_text_is_the_servers_refusal(sidecar: Sidecar, serve: Serve) -> None:
    data = failure(sidecar, serve(answering({"error": "out of memory"})).url)
    assert data["kind"] in {"providerRejected", "providerUnavailable"}
    assert "partial" not in data


def test_a_line_that_is_no_json_interrupts_the_stream(sidecar: Sidecar, serve: Serve) -> None:
    data = failure(sidecar, serve(sending(200, lines(*HELLO) + b'{"message": {"con')).url)
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hello")


# Secrets


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
def test_a_key_is_sent_and_never_shown(sidecar: Sidecar, serve: Serve, status: int) -> None:
    told = {"error": f"unauthorized: Bearer {KEY}, X-Gateway: {HEADER}"}
    server = serve(sending(status, told))
    sidecar.call("settings/update", {"logLevel": "debug"})
    config = {"apiKey": KEY, "headers": {"X-Gateway": HEADER}}
    failure(sidecar, server.url, config=config)
    headers = server.requests[0].headers
    assert (headers["authorization"], headers["x-gateway"]) == (f"Bearer {KEY}", HEADER)
    sidecar.end()
    shown = b"".join(sidecar.raw).decode() + "\n".join(sidecar.log)
    assert not [secret for secret in (KEY, HEADER) if secret in shown]


def test_a_question_is_not_repeated_in_an_error(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        await reply.send(400, json.dumps({"error": f"can't parse {request.body.decode()}"}).encode())

    failure(sidecar, serve(script).url, text="canary-question-666777888")
    sidecar.end()
    shown = b"".join(sidecar.raw).decode() + "\n".join(sidecar.log)
    assert "canary-question-666777888" not in shown
