"""Tool calls over Chat Completions, in all the ways that servers have to tell of them."""

import json
from typing import Any

import pytest

from tests.providers.chat_completions import (
    DONE,
    HELLO,
    TOOL,
    Serve,
    answering,
    ask,
    ask_each,
    call,
    chunk,
)
from tests.sidecar import Sidecar

# What is asked


def test_a_conversation_with_tools_is_told_whole(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    calls = [{"id": f"c{place}", "name": "find", "arguments": {"q": "\u20ac", "n": place}} for place in range(2)]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Find it.", "name": "ada"},
        {"role": "assistant", "content": "", "toolCalls": calls},
        {"role": "tool", "content": "seen", "toolCallId": "c1"},
        {"role": "tool", "content": "found", "toolCallId": "c0"},
        {"role": "assistant", "content": "Once more.", "toolCalls": calls[:1]},
        {"role": "tool", "content": "found", "toolCallId": "c0"},
        {"role": "assistant", "content": ""},
    ]
    sidecar.call("chat/complete", {**ask(server.url), "messages": messages})
    system, user, assistant, *results, last_call, _, last = server.requests[0].json["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user == {"role": "user", "content": "Find it.", "name": "ada"}
    assert (assistant["role"], assistant["content"]) == ("assistant", None)
    asked = assistant["tool_calls"]
    assert [(item["id"], item["type"], item["function"]["name"]) for item in asked] == [
        ("c0", "function", "find"),
        ("c1", "function", "find"),
    ]
    assert [json.loads(item["function"]["arguments"]) for item in asked] == [item["arguments"] for item in calls]
    assert results == [
        {"role": "tool", "content": "seen", "tool_call_id": "c1"},
        {"role": "tool", "content": "found", "tool_call_id": "c0"},
    ]
    assert (last_call["content"], len(last_call["tool_calls"])) == ("Once more.", 1)
    assert last == {"role": "assistant", "content": ""}


def test_a_choice_of_tools_is_passed_on(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    for choice in ("auto", "none", "required", {"name": "find"}):
        sidecar.call("chat/complete", ask(server.url, tools=[TOOL], toolChoice=choice))
    sidecar.call("chat/complete", ask(server.url, toolChoice="none"))
    named = {"type": "function", "function": {"name": "find"}}
    assert [request.json.get("tool_choice") for request in server.requests] == [None, "none", "required", named, None]


# What is answered

ONE = [("a", "find", {"q": 1})]
TWO = [("a", "find", {"q": 1}), ("b", "look", {})]

CALLS: dict[str, tuple[list[Any], list[Any]]] = {
    "OpenAI": (
        [
            [call(0, "a", "find", "")],
            [call(0, text='{"q"')],
            [call(0, text=": 1}")],
            [call(1, "b", "look", "")],
            [call(1, text="{}")],
        ],
        TWO,
    ),
    "one whole": ([[call(0, "a", "find", '{"q": 1}')]], ONE),
    "two whole in one chunk": ([[call(0, "a", "find", '{"q": 1}'), call(1, "b", "look", "{}")]], TWO),
    "mixed up": (
        [[call(0, "a", "find", '{"q"'), call(1, "b", "look", "{")], [call(1, text="}"), call(0, text=": 1}")]],
        TWO,
    ),
    "the second first": ([[call(1, "a", "find", '{"q": 1}')], [call(0, "b", "look", "{}")]], TWO),
    "always index 0": ([[call(0, "a", "find", '{"q": 1}')], [call(0, "b", "look", "{}")]], TWO),
    "always index 0, no id": ([[call(0, None, "find", '{"q": 1}')], [call(0, None, "look", "{}")]], TWO),
    "no index": ([[call(None, "a", "find", '{"q"')], [call(text=": 1}")], [call(None, "b", "look", "{}")]], TWO),
    "no index, ids each time": (
        [
            [call(None, "a", "find", "")],
            [call(None, "b", "look", "")],
            [call(None, "a", text='{"q": 1}')],
            [call(None, "b", text="{}")],
        ],
        TWO,
    ),
    "no index, whole, in one chunk": ([[call(None, "a", "find", '{"q": 1}'), call(None, "b", "look", "{}")]], TWO),
    "neither index nor id": ([[call(None, None, "find", '{"q": 1}'), call(None, None, "look", "{}")]], TWO),
    "neither index nor id, in pieces": (
        [[call(None, None, "find", "")], [call(text='{"q"')], [call(text=": 1}")], [call(None, None, "look", "{}")]],
        TWO,
    ),
    "neither index nor id, the same twice": (
        [[call(None, None, "find", '{"q": 1}')], [call(None, None, "find", '{"q": 1}')]],
        [*ONE, ("b", "find", {"q": 1})],
    ),
    "always index 0, no arguments": (
        [[call(0, "a", "look", "")], [call(0, "b", "find", "")]],
        [("a", "look", {}), ("b", "find", {})],
    ),
    "neither index nor id nor arguments": (
        [[call(None, None, "look"), call(None, None, "find")]],
        [("a", "look", {}), ("b", "find", {})],
    ),
    "no arguments": ([[call(None, "a", "look"), call(None, "b", "find")]], [("a", "look", {}), ("b", "find", {})]),
    "another id each time": (
        [[call(0, "a", "find", '{"q"')], [call(0, "x", text=": 1")], [call(0, "y", text="}")]],
        ONE,
    ),
    "another id each time, and the name": (
        [[call(0, "a", "find", '{"q"')], [call(0, "x", "find", ": 1")], [call(0, "y", "find", "}")]],
        ONE,
    ),
    "the name each time": (
        [[call(0, "a", "find", '{"q"')], [call(0, "a", "find", ": 1}")], [call(0, "a", "find", "")]],
        ONE,
    ),
    "the name each time, without ids": ([[call(None, None, "find", '{"q"')], [call(None, None, "find", ": 1}")]], ONE),
    "the name in pieces": ([[call(0, "a", "fi", "")], [call(0, name="nd")], [call(0, text='{"q": 1}')]], ONE),
    "the id late": ([[call(0, name="find")], [call(0, "a", text='{"q": 1}')]], ONE),
    "empty ids and names": ([[call(0, "a", "find", "")], [call(0, "", "", '{"q": 1}')]], ONE),
    "the same id twice": ([[call(0, "a", "find", '{"q": 1}'), call(1, "a", "look", "{}")]], TWO),
    "an object": ([[call(0, "a", "find", {"q": 1}), call(1, "b", "look", {})]], TWO),
    "null and nothing": ([[call(0, "a", "find", '{"q": 1}'), {"index": 7}, {"index": 8, "function": None}]], ONE),
}


def calls_of(result: dict[str, Any]) -> tuple[str, list[Any]]:
    return result["finishReason"], [(item["name"], item["arguments"]) for item in result["toolCalls"]]


def test_tool_calls_are_put_together(sidecar: Sidecar, serve: Serve) -> None:
    cases = {
        name: [chunk("Wait."), *(chunk(tool_calls=item) for item in items), chunk(finish="tool_calls"), DONE]
        for name, (items, _) in CALLS.items()
    }
    for reason in ("stop", "function_call", "made up"):
        cases[reason] = [*cases["OpenAI"][:-2], chunk(finish=reason), DONE]
    cases["no reason"] = [*cases["OpenAI"][:-2], DONE]
    wanted = {name: [made[1:] for made in calls] for name, (_, calls) in CALLS.items()}
    told = ask_each(sidecar, serve, cases, calls_of)
    assert told == {name: ("toolCalls", wanted.get(name, wanted["OpenAI"])) for name in cases}


def test_a_tool_call_has_an_id_of_its_own(sidecar: Sidecar, serve: Serve) -> None:
    kept = {name: [made[0] for made in wanted] for name, (_, wanted) in CALLS.items()}
    without = [
        name for name in CALLS if "no id" in name or "nor id" in name or "without ids" in name or "same id" in name
    ]
    cases = {
        name: [*(chunk(tool_calls=item) for item in items), chunk(finish="tool_calls"), DONE]
        for name, (items, _) in CALLS.items()
    }
    told = ask_each(sidecar, serve, cases, lambda result: [item["id"] for item in result["toolCalls"]])
    assert {name: ids for name, ids in told.items() if name not in without} == {
        name: ids for name, ids in kept.items() if name not in without
    }
    for name in without:
        assert len(set(told[name]) - {""}) == len(kept[name]), told[name]
    every = [call_id for name in without if "same" not in name for call_id in told[name]]
    assert len(set(every)) == len(every), "an id must not be that of a call in an earlier turn"


def test_a_call_in_the_old_form_is_a_tool_call(sidecar: Sidecar, serve: Serve) -> None:
    items = [
        chunk(function_call={"name": "find", "arguments": ""}),
        chunk(function_call={"arguments": '{"q": 1}'}),
        chunk(finish="function_call"),
        DONE,
    ]
    assert ask_each(sidecar, serve, {"a": items}, calls_of) == {"a": ("toolCalls", [("find", {"q": 1})])}


ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "nothing": ("", {}),
    "blank": (" \n", {}),
    "null": ("null", {}),
    "encoded twice": ('"{\\"q\\": 1}"', {"q": 1}),
    "laid out": ('{\n  "q": 1\n}\n', {"q": 1}),
    "cut": ('{"q": "unfin', {"$unparsed": '{"q": "unfin'}),
    "two": ('{"q": 1}{"q": 2}', {"$unparsed": '{"q": 1}{"q": 2}'}),
    "prose": ("q = 1", {"$unparsed": "q = 1"}),
    "a list": ("[1]", {"$unparsed": "[1]"}),
    "a number": (7, {"$unparsed": "7"}),
    "a text": ('"q"', {"$unparsed": '"q"'}),
    "deep": ('{"q":' * 400 + "1" + "}" * 400, {"$unparsed": '{"q":' * 400 + "1" + "}" * 400}),
    "deeper": ('{"q":' * 5000 + "1" + "}" * 5000, {"$unparsed": '{"q":' * 5000 + "1" + "}" * 5000}),
    "large": ('{"q": 123456789012345678901234567890}', {"q": 1.2345678901234568e29}),
}


def test_arguments_that_are_no_object_are_not_lost(sidecar: Sidecar, serve: Serve) -> None:
    cases = {
        name: [chunk(tool_calls=[call(0, "a", "find", text)]), chunk(finish="tool_calls"), DONE]
        for name, (text, _) in ARGUMENTS.items()
    }
    told = ask_each(sidecar, serve, cases, calls_of)
    assert told == {name: ("toolCalls", [("find", wanted)]) for name, (_, wanted) in ARGUMENTS.items()}
    sidecar.assert_alive()


def test_a_call_that_is_cut_off_says_so(sidecar: Sidecar, serve: Serve) -> None:
    items = [chunk(tool_calls=[call(0, "a", "find", '{"q": "un')]), chunk(finish="length"), DONE]
    told = ask_each(sidecar, serve, {"a": items}, calls_of)
    assert told == {"a": ("length", [("find", {"$unparsed": '{"q": "un'})])}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_a_server_is_shown_again_what_led_to_a_tool_call(sidecar: Sidecar, serve: Serve, name: str) -> None:
    signature = {"google": {"thought_signature": "sig-1"}}
    fragment = {**call(0, "a", "find", "{}"), "extra_content": signature}
    thoughts = [chunk(**{name: "Look"}), chunk(**{name: " there."})]
    server = serve(answering(*thoughts, chunk(tool_calls=[fragment]), chunk(finish="tool_calls"), DONE))
    made = sidecar.call("chat/complete", ask(server.url, tools=[TOOL]))["toolCalls"]
    messages = [
        {"role": "user", "content": "Find it."},
        {"role": "assistant", "content": "", "toolCalls": made},
        {"role": "tool", "content": "found", "toolCallId": "a"},
    ]
    for model in ("test-model", "another"):
        sidecar.call("chat/complete", {**ask(server.url, config={"model": model}), "messages": messages})
    shown, not_shown = (request.json["messages"][1] for request in server.requests[1:])
    assert shown[name] == "Look there."
    assert shown["tool_calls"][0]["extra_content"] == signature
    assert not_shown.keys() == {"role", "content", "tool_calls"}
    assert not_shown["tool_calls"][0].keys() == {"id", "type", "function"}
