"""Chat Completions when something is wrong: each failure has its kind, names the provider and gives nothing away."""

import json
from functools import partial
from typing import Any

import pytest

from tests.providers.chat_completions import (
    DONE,
    END,
    SSE,
    Serve,
    answering,
    ask,
    call,
    chunk,
    events,
    refusing,
    usage,
    with_choices,
)
from tests.providers.server import Reply, Request, Script, closed_port
from tests.sidecar import Sidecar

KEY = "canary-key-000111222"
HEADER = "canary-header-333444555"
SECRET = "canary-words-of-the-server"
HTML = b"<!doctype html>\n<html><body>Welcome to nginx!</body></html>\n"
HELLO = [chunk("Hel"), chunk("lo")]


@pytest.fixture
def sidecar(sidecar: Sidecar) -> Sidecar:
    """One that asks once: asking again is tested elsewhere."""
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    return sidecar


def failure(sidecar: Sidecar, url: str, **params: Any) -> dict[str, Any]:
    """The data of the error that a chat is answered with."""
    answer = sidecar.call("chat/complete", ask(url, **params))
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data["provider"] == "openai"
    assert data["userMessage"]
    assert SECRET not in json.dumps(answer)
    return data


def kinds(sidecar: Sidecar, serve: Serve, scripts: dict[str, Script]) -> dict[str, Any]:
    """By the name of a script, the kind of error it leads to, and whether to try again."""
    told = {}
    for name, script in scripts.items():
        data = failure(sidecar, serve(script).url)
        assert "partial" not in data, name
        told[name] = (data["kind"], data["retryable"])
    sidecar.assert_alive()
    return told


def error(code: Any = None, kind: Any = None, message: str = SECRET, **members: Any) -> dict[str, Any]:
    return {"error": {"message": f"{message} {SECRET}", "type": kind, "param": None, "code": code, **members}}


# By status

STATUSES: dict[str, tuple[int, Any, str, bool]] = {
    "bad request": (400, error(None, "invalid_request_error"), "providerRejected", False),
    "context length": (
        400,
        error("context_length_exceeded", "invalid_request_error"),
        "contextWindowExceeded",
        False,
    ),
    "context length, vLLM": (
        400,
        error(400, "BadRequestError", "This model's maximum context length is 4096 tokens."),
        "contextWindowExceeded",
        False,
    ),
    "context length, llama.cpp": (400, error(400, "exceed_context_size_error"), "contextWindowExceeded", False),
    "filtered prompt": (400, error("content_filter", None), "contentFiltered", False),
    "key": (401, error("invalid_api_key", "invalid_request_error"), "authenticationFailed", False),
    "payment": (402, error(402, "unknown_error"), "quotaExceeded", False),
    "forbidden": (403, error(None, "permission_error"), "authenticationFailed", False),
    "model": (404, error("model_not_found", "invalid_request_error"), "modelNotFound", False),
    "model, vLLM": (404, error(404, "NotFoundError", "The model `m` does not exist."), "modelNotFound", False),
    "patience": (408, error(), "providerUnavailable", True),
    "too large": (413, error(), "contextWindowExceeded", False),
    "teapot": (418, error(), "providerRejected", False),
    "semantics": (422, {"detail": [{"loc": ["body"], "msg": SECRET}]}, "providerRejected", False),
    "limit": (429, error("rate_limit_exceeded", "tokens"), "rateLimited", True),
    "limit, empty": (429, b"", "rateLimited", True),
    "quota": (429, error("insufficient_quota", "insufficient_quota"), "quotaExceeded", False),
    "crash": (500, error("server_error", "server_error"), "providerUnavailable", True),
    "crash, plain": (500, b"Internal Server Error", "providerUnavailable", True),
    "gateway": (502, HTML, "providerUnavailable", True),
    "loading": (503, error(503, "unavailable_error", "Loading model"), "providerUnavailable", True),
    "overloaded": (529, error("overloaded", "overloaded_error"), "providerUnavailable", True),
}


def test_a_status_has_its_kind(sidecar: Sidecar, serve: Serve) -> None:
    for name, (status, body, kind, retryable) in STATUSES.items():
        data = failure(sidecar, serve(refusing(status, body, Retry_After="2", X_Request_Id="req-1")).url)
        told = (data["kind"], data["httpStatus"], data["retryable"], data.get("upstreamRequestId"))
        assert told == (kind, status, retryable, "req-1"), name
        if status == 429:
            assert data["retryAfterMs"] == 2000
    sidecar.assert_alive()


def test_a_body_that_makes_no_sense_leaves_the_status(sidecar: Sidecar, serve: Serve) -> None:
    bodies: list[bytes] = [b"", b"plain", HTML, b"[]", b"{}", b"7", b'{"error": 7}', b"\xff\xfe", b"[" * 10_000]
    for body in bodies:
        for status, kind in ((401, "authenticationFailed"), (500, "providerUnavailable")):
            data = failure(sidecar, serve(refusing(status, body, Content_Type="text/html")).url)
            assert (data["kind"], data["httpStatus"]) == (kind, status), body


def test_a_path_that_is_not_there_is_not_a_model_that_is_not_there(sidecar: Sidecar, serve: Serve) -> None:
    data = failure(sidecar, serve(refusing(404, HTML, Content_Type="text/html")).url)
    assert (data["kind"], data["httpStatus"]) == ("providerRejected", 404)


def test_a_web_page_is_not_the_api(sidecar: Sidecar, serve: Serve) -> None:
    told = kinds(
        sidecar,
        serve,
        {
            "page": refusing(200, HTML, Content_Type="text/html"),
            "page that is served as JSON": refusing(200, HTML),
            "other JSON": refusing(200, {"status": "ok"}),
            "page in a stream": answering(b"data: <html>\n\n"),
        },
    )
    assert set(told.values()) == {("providerRejected", False)}, told


def test_a_server_that_is_not_there(sidecar: Sidecar) -> None:
    assert failure(sidecar, f"http://127.0.0.1:{closed_port()}")["kind"] == "providerUnavailable"


# In the stream, before any text

ERRORS: dict[str, tuple[list[Any], str, bool]] = {
    "OpenAI": ([error("server_error", "server_error")], "providerUnavailable", True),
    "a limit": ([error("rate_limit_exceeded", "tokens")], "rateLimited", True),
    "a limit, by number": ([error(429)], "rateLimited", True),
    "a limit, by number in text": ([error("429")], "rateLimited", True),
    "a quota": ([error("insufficient_quota", "insufficient_quota")], "quotaExceeded", False),
    "credit": ([error(402)], "quotaExceeded", False),
    "a context": ([error("context_length_exceeded", "invalid_request_error")], "contextWindowExceeded", False),
    "a context, vLLM": (
        [error(400, "BadRequestError", "This model's maximum context length is 4096 tokens."), DONE],
        "contextWindowExceeded",
        False,
    ),
    "a context, LM Studio": (
        [b"event: error\n" + events({"error": "Trying to keep tokens when the context overflows."})],
        "contextWindowExceeded",
        False,
    ),
    "a filter": ([error("content_filter")], "contentFiltered", False),
    "a key": ([error("invalid_api_key", "invalid_request_error")], "authenticationFailed", False),
    "a model": ([error("model_not_found")], "modelNotFound", False),
    "the request": ([error(None, "invalid_request_error")], "providerRejected", False),
    "overloaded": ([error(529, "overloaded_error")], "providerUnavailable", True),
    "unknown": ([error("made_up")], "providerUnavailable", True),
    "a text": ([{"error": SECRET}], "providerUnavailable", True),
    "flat": (
        [{"object": "error", "message": SECRET, "type": "RateLimitError", "code": 429}, DONE],
        "rateLimited",
        True,
    ),
    "an event": ([b"event: error\n" + events(error(429))], "rateLimited", True),
    "a flat event": ([b"event: error\n" + events({"message": SECRET, "code": "429"})], "rateLimited", True),
    "an event without JSON": ([b"event: error\ndata: %b\n\n" % SECRET.encode()], "providerUnavailable", True),
    "OpenRouter": (
        [{**with_choices({"delta": {"content": ""}, "finish_reason": "error"}), **error(502)}],
        "providerUnavailable",
        True,
    ),
    "in the choice": ([with_choices({"delta": {}, "finish_reason": "error", **error(429)})], "rateLimited", True),
    "in no words": ([chunk("", finish="error"), DONE], "providerUnavailable", True),
    "behind an empty delta": ([chunk("", role="assistant"), error(429)], "rateLimited", True),
    "behind a tool call": ([chunk(tool_calls=[call(0, "a", "find", "{")]), error(429)], "rateLimited", True),
    "a refusal": ([chunk("", refusal="I'm"), chunk(refusal=" sorry."), *END], "contentFiltered", False),
}


def test_an_error_in_place_of_text_has_its_kind(sidecar: Sidecar, serve: Serve) -> None:
    told = kinds(sidecar, serve, {name: answering(*items) for name, (items, *_) in ERRORS.items()})
    assert told == {name: tuple(wanted) for name, (_, *wanted) in ERRORS.items()}


JUNK: dict[str, Any] = {
    "text": b"data: hello\n\n",
    "null": b"data: null\n\n",
    "a list": b"data: []\n\n",
    "a number": b"data: 7\n\n",
    "half": b'data: {"choices": [{"delta"\n\n',
    "no text at all": b"data: \xff\xfe\n\n",
    "choices": {"choices": "x"},
    "choices in an object": {"choices": {"0": {}}},
    "a choice": {"choices": [None]},
    "a list of choices": {"choices": [[]]},
    "a delta": {"choices": [{"delta": "Hello"}]},
    "content": chunk(7),
    "content in an object": chunk({"text": "Hello"}),
    "parts": chunk(["Hello"]),
    "parts without text": chunk([{"type": "text"}]),
    "reasoning": chunk(reasoning=7),
    "tool calls": chunk(tool_calls="find"),
    "tool calls in an object": chunk(tool_calls={"0": {}}),
    "no tool call": chunk(tool_calls=[None]),
    "a function": chunk(tool_calls=[{"function": "find"}]),
    "a name": chunk(tool_calls=[{"function": {"name": 7}}]),
    "an id": chunk(tool_calls=[{"id": 7, "function": {"name": "find"}}]),
    "no end of calls": chunk(tool_calls=[call(place, f"id-{place}", "find", "{}") for place in range(2000)]),
    "the old form": chunk(function_call="find"),
    "depth": b'data: {"choices":' + b"[" * 5000 + b"]" * 5000 + b"}\n\n",
}


def test_what_is_no_chunk_is_not_the_api(sidecar: Sidecar, serve: Serve) -> None:
    told = kinds(sidecar, serve, {name: answering(item, *END) for name, item in JUNK.items()})
    assert told == dict.fromkeys(JUNK, ("providerRejected", False))


def test_what_is_no_chunk_interrupts_an_answer(sidecar: Sidecar, serve: Serve) -> None:
    for name, item in JUNK.items():
        data = failure(sidecar, serve(answering(*HELLO, item, *END)).url)
        assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hello"), name


def test_another_api_is_not_this_one(sidecar: Sidecar, serve: Serve) -> None:
    responses = [{"type": "response.created"}, {"type": "response.output_text.delta", "delta": "Hello"}]
    told = kinds(sidecar, serve, {"closed": answering(*responses), "done": answering(*responses, DONE)})
    assert set(told.values()) == {("providerRejected", False)}


# In the middle of a stream, and at its end


def test_an_error_behind_some_text_interrupts_the_answer(sidecar: Sidecar, serve: Serve) -> None:
    for items in (
        [*HELLO, error(429)],
        [*HELLO, error("insufficient_quota"), DONE],
        [*HELLO, b"event: error\ndata: oops\n\n"],
        [*HELLO, chunk("", finish="error"), DONE],
        [*HELLO, {"object": "error", "message": SECRET}],
    ):
        data = failure(sidecar, serve(answering(*items)).url)
        assert (data["kind"], data["partial"], data["retryable"]) == ("streamInterrupted", "Hello", True), items


def test_an_end_without_a_reason_interrupts_the_answer(sidecar: Sidecar, serve: Serve) -> None:
    for items in (HELLO, [*HELLO, usage()], [*HELLO, chunk(finish=None)], [*HELLO, events(chunk(finish="stop"))[:-4]]):
        data = failure(sidecar, serve(answering(*items)).url)
        assert (data["kind"], data["partial"], data["retryable"]) == ("streamInterrupted", "Hello", True), items


def test_an_end_without_an_answer_is_an_interruption_too(sidecar: Sidecar, serve: Serve) -> None:
    for items in ([], [DONE], [b": keep-alive\n\n"], [chunk("", role="assistant")], [with_choices()]):
        data = failure(sidecar, serve(answering(*items)).url)
        assert (data["kind"], data["retryable"]) == ("streamInterrupted", True), items


# Secrets


def test_what_is_secret_is_never_shown(sidecar: Sidecar, serve: Serve) -> None:
    async def echo(status: int, request: Request, reply: Reply) -> None:
        told = f"{SECRET} {request.headers.get('authorization')} {HEADER} {request.body.decode()}"
        if status == 200:
            await reply.send(body=events(error(None, None, told)), headers=SSE)
        else:
            await reply.send(status, json.dumps(error(None, None, told)).encode())

    sidecar.call("settings/update", {"logLevel": "debug"})
    config = {"apiKey": KEY, "headers": {"X-Gateway": HEADER}}
    for status in (200, 400, 401, 404, 500):
        server = serve(partial(echo, status))
        failure(sidecar, server.url, text="canary-question-666777888", config=config)
        headers = server.requests[0].headers
        assert (headers["authorization"], headers["x-gateway"]) == (f"Bearer {KEY}", HEADER)
    sidecar.end()
    shown = b"".join(sidecar.raw).decode() + "\n".join(sidecar.log)
    assert not [secret for secret in (KEY, HEADER, SECRET, "canary-question-666777888") if secret in shown]
