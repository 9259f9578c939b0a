"""`chat/complete` with OpenAI's Responses API: what is asked of the server, and what becomes of its answer."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.openai import (
    COUNTS,
    HELLO,
    KEY,
    SSE,
    TOOL,
    USAGE,
    answer,
    answering,
    ask,
    call_item,
    completed,
    incomplete,
    response,
    running,
    sending,
    sse,
    streamed,
    text,
    thinking,
)
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

WIDE = "w\u00f6rld \u20ac \U0001f600\u2028."


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def asked(sidecar: Sidecar, serve: Serve, messages: Any = None, **params: Any) -> Any:
    """The body of the request that a chat leads to."""
    server = serve(answering(*HELLO))
    answer(sidecar, server, messages, **params)
    return server.requests[-1].json


# What is asked


def test_a_question_is_asked_as_the_api_wants_it(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    answer(sidecar, server, temperature=0.5, maxTokens=99, tools=[TOOL])
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/responses")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "model": "test-model",
        "input": [{"role": "user", "content": "Hello, world"}],
        "temperature": 0.5,
        "max_output_tokens": 99,
        "tools": [{"type": "function", "strict": False, **TOOL}],
        "stream": True,
        "store": False,
    }


def test_what_is_not_given_is_left_to_the_server(sidecar: Sidecar, serve: Serve) -> None:
    assert asked(sidecar, serve).keys() == {"model", "input", "stream", "store"}


def test_nothing_is_taken_from_the_sdks_own_environment(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    answer(sidecar, server, config={"headers": {"X-Gateway": "of the config"}})
    headers = server.requests[0].headers
    assert "of-the-environment" not in headers.values()
    assert headers["x-gateway"] == "of the config"
    answer(sidecar, server, config={"apiKey": None})
    assert "authorization" not in server.requests[1].headers


def test_headers_of_the_config_go_before_the_sdks(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    answer(sidecar, server, config={"apiKey": None, "headers": {"authorization": "Basic abcdefgh"}})
    assert server.requests[0].headers["authorization"] == "Basic abcdefgh"


@pytest.mark.parametrize("tail", ["/", "/v1", "/v1/"])
def test_the_endpoint_may_have_a_path(sidecar: Sidecar, serve: Serve, tail: str) -> None:
    server = serve(answering(*HELLO))
    answer(sidecar, server, config={"endpoint": server.url + tail})
    assert server.requests[0].path == f"{tail.rstrip('/')}/responses"


def test_a_server_that_is_not_openais_is_asked_by_the_older_api(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(404, b"<html>"))
    sidecar.call("chat/complete", ask(server.url, config={"api": None}))
    assert server.requests[0].path == "/chat/completions"


def test_a_conversation_is_told_whole(sidecar: Sidecar, serve: Serve) -> None:
    calls = [{"id": f"c{place}", "name": "find", "arguments": {"q": place}} for place in range(2)]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Find it.", "name": "ann"},
        {"role": "assistant", "content": "I look.", "toolCalls": calls},
        {"role": "tool", "content": "seen", "toolCallId": "c1"},
        {"role": "tool", "content": "found", "toolCallId": "c0"},
        {"role": "system", "content": "Be briefer."},
        {"role": "assistant", "content": "", "toolCalls": calls[:1]},
        {"role": "assistant", "content": ""},
    ]
    body = asked(sidecar, serve, messages)
    told = [
        {**item, "arguments": json.loads(item["arguments"])} if "arguments" in item else item for item in body["input"]
    ]
    call = {"type": "function_call", "name": "find"}
    assert told == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Find it."},
        {"role": "assistant", "content": "I look."},
        {**call, "call_id": "c0", "arguments": {"q": 0}},
        {**call, "call_id": "c1", "arguments": {"q": 1}},
        {"type": "function_call_output", "call_id": "c1", "output": "seen"},
        {"type": "function_call_output", "call_id": "c0", "output": "found"},
        {"role": "system", "content": "Be briefer."},
        {**call, "call_id": "c0", "arguments": {"q": 0}},
        {"role": "assistant", "content": ""},
    ]
    assert "instructions" not in body


# What is answered


def test_reasoning_is_told_apart_in_paragraphs(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*thinking("Let me see.", "There."), *HELLO))
    assert answer(sidecar, server)["content"] == streamed(sidecar) == "Hello"
    assert streamed(sidecar, "stream/reasoning") == "Let me see.\n\nThere."


def test_the_reasoning_of_open_models_is_reasoning_too(sidecar: Sidecar, serve: Serve) -> None:
    thoughts = [{"type": "response.reasoning_text.delta", "delta": piece} for piece in ("I ", "think")]
    answer(sidecar, serve(answering(*thoughts, *HELLO)))
    assert streamed(sidecar, "stream/reasoning") == "I think"


def test_what_comes_only_at_the_end_is_not_lost(sidecar: Sidecar, serve: Serve) -> None:
    part = {"type": "output_text", "text": "Hello"}
    message = {"type": "message", "role": "assistant", "content": [part]}
    done = {"type": "response.output_item.done", "item": message}
    assert answer(sidecar, serve(answering(done, completed())))["content"] == streamed(sidecar) == "Hello"
    result = answer(sidecar, serve(answering(completed(output=[message, call_item("c1", "find", "{}")]))))
    assert (result["content"], streamed(sidecar), len(result["toolCalls"])) == ("Hello", "Hello", 1)
    result = answer(sidecar, serve(answering(*text("Hello"), completed(output=[message]))))
    assert (result["content"], streamed(sidecar)) == ("Hello", "Hello")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_output_tokens", "length"), ("max_messages", "length"), ("content_filter", "contentFilter")],
)
def test_an_answer_that_was_cut_says_so(sidecar: Sidecar, serve: Serve, reason: str, finish: str) -> None:
    result = answer(sidecar, serve(answering(*text("Hel"), incomplete(reason))))
    assert (result["content"], result["finishReason"], result["usage"]) == ("Hel", finish, USAGE)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (None, (0, 0, 0)),
        ({}, (0, 0, 0)),
        ("many", (0, 0, 0)),
        ({"input_tokens": 2, "output_tokens": 3}, (2, 3, 5)),
        ({"input_tokens": -2, "output_tokens": True}, (0, 0, 0)),
        ({**COUNTS, "input_tokens": "x", "input_tokens_details": [], "total_tokens": None}, (0, 3, 3)),
    ],
)
def test_counts_that_are_not_told_are_zero(sidecar: Sidecar, serve: Serve, told: Any, usage: tuple[int, ...]) -> None:
    end = {"type": "response.completed", "response": response("completed", usage=told)}
    counted = answer(sidecar, serve(answering(*text("Hi"), end)))["usage"]
    assert (counted["promptTokens"], counted["completionTokens"], counted["totalTokens"]) == usage


def test_events_that_are_not_known_are_passed_over(sidecar: Sidecar, serve: Serve) -> None:
    strange: list[dict[str, Any]] = [{"type": "response.steer.pending", "why": 1}, {"type": "keepalive"}, {"type": 7}]
    assert answer(sidecar, serve(answering(*strange, *HELLO, *text("More"))))["content"] == "Hello"


# How it arrives


def test_a_done_at_the_end_does_no_harm(sidecar: Sidecar, serve: Serve) -> None:
    deltas = [{"type": "response.output_text.delta", "delta": piece} for piece in ("Hello, ", WIDE)]
    server = serve(sending(200, b"data: [DONE]\n\n".join([sse(*deltas, completed()), b""]), **SSE))
    assert answer(sidecar, server)["content"] == streamed(sidecar) == f"Hello, {WIDE}"
