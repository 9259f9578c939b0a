"""Tool calls over the Responses API, and the turns that made them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.openai import (
    HELLO,
    TOOL,
    answer,
    answering,
    begin,
    completed,
    in_turn,
    incomplete,
    refusing,
    running,
    sending,
    text,
    thinking,
    tool_call,
)
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

WIDE = "w\u00f6rld \u20ac \U0001f600\u2028."
THINKER = {"model": "gpt-6-luna"}


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


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", None),
        ("none", "none"),
        ("required", "required"),
        ({"name": "find"}, {"type": "function", "name": "find"}),
    ],
)
def test_a_choice_of_tools_is_passed_on(sidecar: Sidecar, serve: Serve, choice: Any, sent: Any) -> None:
    assert asked(sidecar, serve, tools=[TOOL], toolChoice=choice).get("tool_choice") == sent


@pytest.mark.parametrize(
    ("members", "is_asked"),
    [
        ({"model": "gpt-6-luna"}, True),
        ({"model": "gpt-6.1-sol"}, True),
        ({"model": "o3-mini"}, True),
        ({"model": "mine", "baseModel": "gpt-5.6-terra"}, True),
        ({"model": "gpt-4.1"}, False),
        ({"model": "gpt-5-chat-latest"}, False),
        ({"model": "llama-o3"}, False),
    ],
)
def test_models_that_think_are_asked_what(
    sidecar: Sidecar, serve: Serve, members: dict[str, str], is_asked: bool
) -> None:
    body = asked(sidecar, serve, config=members, tools=[TOOL])
    assert body.get("reasoning") == ({"summary": "auto"} if is_asked else None)
    assert body.get("include") == (["reasoning.encrypted_content"] if is_asked else None)
    assert "include" not in asked(sidecar, serve, config=members)


# Calls


def test_tool_calls_come_together_from_fragments(sidecar: Sidecar, serve: Serve) -> None:
    arguments = json.dumps({"q": WIDE})
    events = [*tool_call("c1", "find", *arguments), *tool_call("c2", "look", index=1), *tool_call("c3", "find", "{}")]
    result = answer(sidecar, serve(answering(*text("Wait."), *events, completed())), tools=[TOOL])
    assert (result["content"], result["finishReason"]) == ("Wait.", "toolCalls")
    assert result["toolCalls"] == [
        {"id": "c1", "name": "find", "arguments": {"q": WIDE}},
        {"id": "c2", "name": "look", "arguments": {}},
        {"id": "c3", "name": "find", "arguments": {}},
    ]


@pytest.mark.parametrize("arguments", ["{", "[1]", "7", '{"q": NaN}', "find it"])
def test_arguments_that_are_no_object_are_not_lost(sidecar: Sidecar, serve: Serve, arguments: str) -> None:
    result = answer(sidecar, serve(answering(*tool_call("c1", "find", arguments), completed())), tools=[TOOL])
    assert result["toolCalls"] == [{"id": "c1", "name": "find", "arguments": {"$unparsed": arguments}}]


def test_fragments_of_a_call_that_never_ends_are_no_call(sidecar: Sidecar, serve: Serve) -> None:
    result = answer(
        sidecar, serve(answering(*tool_call("c1", "find", '{"q": "')[:-2], incomplete("max_output_tokens")))
    )
    assert (result["toolCalls"], result["finishReason"]) == ([], "length")


# Turns that called tools


def turn(calls: list[dict[str, Any]], content: str = "") -> list[dict[str, Any]]:
    """A conversation in which a model has called tools."""
    results = [{"role": "tool", "content": "found", "toolCallId": call["id"]} for call in calls]
    return [{"role": "user", "content": "?"}, {"role": "assistant", "content": content, "toolCalls": calls}, *results]


def called(sidecar: Sidecar, server: Server, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of a turn made of these events; the server says hello from then on."""
    server.script = answering(*begin(), *events, completed())
    calls: list[dict[str, Any]] = answer(sidecar, server, config=THINKER, tools=[TOOL])["toolCalls"]
    server.script = answering(*HELLO)
    return calls


def test_what_a_model_thought_before_it_called_tools_is_shown_to_it_again(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    events = [
        *thinking("Hm."),
        *text("I look.", phase="commentary"),
        *tool_call("a1", "find", "{}"),
        *tool_call("a2", "find", '{"q":', "1}"),
    ]
    calls = called(sidecar, server, *events)
    items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    answer(sidecar, server, turn(calls, "I look."), config=THINKER, tools=[TOOL])
    shown = server.requests[-1].json["input"]
    assert shown[1:5] == items
    assert [item["type"] for item in shown[5:]] == ["function_call_output"] * 2
    answer(sidecar, server, turn(calls, "I look."), config={"model": "gpt-6.1-sol"}, tools=[TOOL])
    assert "encrypted_content" not in json.dumps(server.requests[-1].json["input"])
    answer(sidecar, server, turn(calls[:1], "I look."), config=THINKER, tools=[TOOL])
    assert "encrypted_content" not in json.dumps(server.requests[-1].json["input"])


def test_thoughts_without_their_encrypted_form_are_not_shown_again(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    calls = called(sidecar, server, *thinking("Hm.", encrypted_content=None), *tool_call("b1", "find", "{}"))
    answer(sidecar, server, turn(calls), config=THINKER, tools=[TOOL])
    shown = server.requests[-1].json["input"]
    assert shown[1] == {"type": "function_call", "call_id": "b1", "name": "find", "arguments": "{}"}


def test_thoughts_that_the_server_can_not_read_any_more_are_forgotten(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    calls = called(sidecar, server, *thinking("Hm."), *tool_call("d1", "find", "{}"))
    refusal = refusing("invalid_encrypted_content", message="The encrypted content could not be verified.")
    server.script = in_turn(sending(400, refusal), answering(*HELLO))
    answer(sidecar, server, turn(calls), config=THINKER, tools=[TOOL])
    assert len(server.requests) == 3
    assert "encrypted_content" not in json.dumps(server.requests[-1].json["input"])
