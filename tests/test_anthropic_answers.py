"""What becomes of Anthropic's answer."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.anthropic import (
    HELLO,
    SSE,
    USAGE,
    answering,
    ask,
    begin,
    block,
    failing,
    running,
    sending,
    sse,
    stop,
    text,
    thinking,
    tool_use,
)
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

TOOL = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def joined(sidecar: Sidecar, request_id: Any, method: str = "stream/token") -> str:
    return "".join(message["params"]["token"] for message in sidecar.notifications(request_id, method))


def failure(sidecar: Sidecar, url: str, **params: Any) -> dict[str, Any]:
    """The data of the error that a chat is answered with."""
    answer = sidecar.call("chat/complete", ask(url, **params))
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data["provider"] == "anthropic"
    assert data["userMessage"]
    return data


def test_an_answer_is_streamed_and_counted(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(begin(), {"type": "ping"}, *text("Hel", "", "lo"), *stop()))
    result = sidecar.call("chat/complete", ask(server.url), request_id="streamed")
    assert (result["content"], result["finishReason"], result["usage"]) == ("Hello", "stop", USAGE)
    assert joined(sidecar, "streamed") == "Hello"


def test_cached_tokens_are_a_part_of_the_prompt(sidecar: Sidecar, serve: Serve) -> None:
    written = {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}
    later: dict[str, Any] = {"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 4}, "input_tokens": 12}
    server = serve(answering(begin(**written), *text("Hi"), *stop(**later)))
    usage = sidecar.call("chat/complete", ask(server.url))["usage"]
    assert (usage["promptTokens"], usage["completionTokens"], usage["totalTokens"]) == (132, 7, 139)
    assert (usage["cachedTokens"], usage["cacheWriteTokens"], usage["reasoningTokens"]) == (100, 20, 4)


def test_reasoning_is_told_apart(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(begin(), *thinking("Let me ", "see."), *text("Hi", index=1), *stop()))
    assert sidecar.call("chat/complete", ask(server.url), request_id="reasoned")["content"] == "Hi"
    assert joined(sidecar, "reasoned", "stream/reasoning") == "Let me see."


def test_tool_calls_are_put_together(sidecar: Sidecar, serve: Serve) -> None:
    pieces = [
        *text("Wait."),
        *tool_use("toolu_1", "find", "", '{"q": "\u20ac', '", "n"', ": [1, {}]}", index=1),
        *tool_use("toolu_2", "find", index=2),
        *block(3, "tool_use", id="toolu_3", name="look", input={"whole": True}),
    ]
    server = serve(answering(begin(), *pieces, *stop("tool_use")))
    result = sidecar.call("chat/complete", ask(server.url, tools=[TOOL]))
    assert (result["content"], result["finishReason"]) == ("Wait.", "toolCalls")
    assert [(call["id"], call["name"], call["arguments"]) for call in result["toolCalls"]] == [
        ("toolu_1", "find", {"q": "\u20ac", "n": [1, {}]}),
        ("toolu_2", "find", {}),
        ("toolu_3", "look", {"whole": True}),
    ]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("something_new", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "contentFilter"),
    ],
)
def test_the_reason_to_stop_is_told(sidecar: Sidecar, serve: Serve, reason: str, finish: str) -> None:
    server = serve(answering(begin(), *text("Hel"), *stop(reason)))
    result = sidecar.call("chat/complete", ask(server.url))
    assert (result["content"], result["finishReason"]) == ("Hel", finish)


def test_a_call_that_was_cut_is_no_call(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(begin(), *text("I"), *tool_use("toolu_1", "find", '{"q": ', index=1), *stop("max_tokens")))
    result = sidecar.call("chat/complete", ask(server.url, tools=[TOOL]))
    assert (result["finishReason"], result.get("toolCalls", [])) == ("length", [])


def test_what_is_new_is_passed_over(sidecar: Sidecar, serve: Serve) -> None:
    news = [
        {"type": "news", "members": []},
        *block(1, "server_tool_use", {"type": "input_json_delta", "partial_json": "{"}, id="x", name="y", input={}),
        *block(2, "hologram", {"type": "hologram_delta", "light": 1}),
    ]
    server = serve(answering(begin(), *text("Hel"), *news, *text("lo", index=3), *stop()))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


# When something goes wrong in the middle


def test_the_last_event_tells_nothing_new(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(begin(), *text("Hel", "lo"), *stop()[:-1]))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("invalid_request_error", "providerRejected"),
        ("authentication_error", "authenticationFailed"),
        ("billing_error", "quotaExceeded"),
        ("permission_error", "authenticationFailed"),
        ("not_found_error", "modelNotFound"),
        ("request_too_large", "contextWindowExceeded"),
        ("rate_limit_error", "rateLimited"),
        ("timeout_error", "providerUnavailable"),
        ("api_error", "providerUnavailable"),
        ("overloaded_error", "providerUnavailable"),
        ("of_tomorrow", "providerUnavailable"),
    ],
)
@pytest.mark.parametrize("before", [[], [begin(), *thinking("Hm.")]], ids=["first", "behind-reasoning"])
def test_an_error_before_any_text_has_its_kind(
    sidecar: Sidecar, serve: Serve, error_type: str, kind: str, before: list[dict[str, Any]]
) -> None:
    data = failure(sidecar, serve(answering(*before, failing(error_type))).url)
    assert (data["kind"], data["upstreamRequestId"]) == (kind, "req_011")
    assert "partial" not in data


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("refusal", "contentFiltered"), ("model_context_window_exceeded", "contextWindowExceeded")],
)
def test_no_answer_at_all_is_an_error(sidecar: Sidecar, serve: Serve, reason: str, kind: str) -> None:
    assert failure(sidecar, serve(answering(begin(), *stop(reason))).url)["kind"] == kind


@pytest.mark.parametrize("kept", range(1, 5))
def test_a_clean_end_too_soon_interrupts_the_stream(sidecar: Sidecar, serve: Serve, kept: int) -> None:
    data = failure(sidecar, serve(answering(*HELLO[:kept])).url)
    assert (data["kind"], data.get("partial", "")) == ("streamInterrupted", ["", "", "Hel", "Hello"][kept - 1])


def test_every_cut_is_noticed(sidecar: Sidecar, serve: Serve) -> None:
    data = sse(begin(), *text("Hi"), *stop())
    whole = data.index(b"event: message_stop")
    for end in range(0, whole, 7):
        server = serve(sending(200, data[:end], **SSE))
        assert failure(sidecar, server.url)["kind"] == "streamInterrupted", end


def test_nonsense_behind_some_text_interrupts_the_stream(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, sse(begin(), *text("Hel")) + b"data: {\n\n", **SSE))
    data = failure(sidecar, server.url)
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")


@pytest.mark.parametrize(
    "call",
    [
        tool_use("toolu_1", "find", '{"q": '),
        tool_use("toolu_1", "find", "[]"),
        tool_use("toolu_1", "find", "null"),
        block(0, "tool_use", id=1, name="find", input={}),
        block(0, "tool_use", id="toolu_1", input={}),
        block(0, "tool_use", id="toolu_1", name="find", input="x"),
        block(0, "tool_use", id="toolu_1", name="find"),
    ],
)
def test_a_broken_tool_call_is_never_our_error(sidecar: Sidecar, serve: Serve, call: list[dict[str, Any]]) -> None:
    answer = sidecar.call("chat/complete", ask(serve(answering(begin(), *call, *stop("tool_use"))).url))
    assert "content" in answer or answer["data"]["kind"] == "streamInterrupted"


def test_counts_that_make_no_sense_are_never_our_error(sidecar: Sidecar, serve: Serve) -> None:
    for counts in ({"output_tokens": "many"}, {"output_tokens": [1]}, {"output_tokens_details": 1}):
        server = serve(answering(begin(), *text("Hi"), *stop(**counts)))
        assert failure(sidecar, server.url)["kind"] == "streamInterrupted", counts
