"""`chat/complete` with Ollama: what is asked of the server, and what becomes of its answer."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.ollama import answering, ask, last, lines, piece, sending
from tests.providers.server import Script, Server, closed_port
from tests.sidecar import Sidecar

HELLO = [piece("Hel"), piece("lo"), last()]
WIDE = "w\u00f6rld \u20ac \U0001f600\u2028."
TOOL = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}


Serve = Callable[[Script], Server]


# What is asked


def test_a_question_is_asked_as_the_api_wants_it(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url, temperature=0.5, maxTokens=9, stop=["END"], tools=[TOOL]))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert request.headers["content-type"].partition(";")[0] == "application/json"
    assert "authorization" not in request.headers
    asked = request.json
    assert asked["model"] == "test-model"
    assert asked["messages"] == [{"role": "user", "content": "Hello, world"}]
    assert (asked["stream"], asked["truncate"], asked["shift"]) == (True, False, False)
    options = {name: asked["options"].get(name) for name in ("temperature", "num_predict", "stop")}
    assert options == {"temperature": 0.5, "num_predict": 9, "stop": ["END"]}
    assert asked["tools"] == [{"type": "function", "function": TOOL}]
    assert not {"format", "think"} & asked.keys()


def test_what_is_not_given_is_left_to_the_server(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url))
    asked = server.requests[0].json
    assert not {"tools", "format", "think"} & asked.keys()
    assert not {"temperature", "num_predict", "stop"} & asked.get("options", {}).keys()


def test_a_conversation_with_tools_is_told_whole(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    calls = [
        {"id": f"c{place}", "name": name, "arguments": {"q": place}} for place, name in enumerate(("find", "look"))
    ]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Find it."},
        {"role": "assistant", "content": "", "toolCalls": calls},
        {"role": "tool", "content": "seen", "toolCallId": "c1"},
        {"role": "tool", "content": "found", "toolCallId": "c0"},
    ]
    sidecar.call("chat/complete", {**ask(server.url), "messages": messages})
    system, user, assistant, *results = server.requests[0].json["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user == {"role": "user", "content": "Find it."}
    asked = [(call["function"]["name"], call["function"]["arguments"]) for call in assistant["tool_calls"]]
    assert asked == [("find", {"q": 0}), ("look", {"q": 1})]
    assert [(message["role"], message["content"], message["tool_name"]) for message in results] == [
        ("tool", "seen", "look"),
        ("tool", "found", "find"),
    ]


def test_a_result_is_that_of_the_last_call_with_its_id(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    turns = [
        [
            {"role": "user", "content": "Do it."},
            {"role": "assistant", "content": "", "toolCalls": [{"id": "call-1", "name": name, "arguments": {}}]},
            {"role": "tool", "content": "done", "toolCallId": "call-1"},
        ]
        for name in ("find", "look")
    ]
    sidecar.call("chat/complete", {**ask(server.url), "messages": [message for turn in turns for message in turn]})
    told = server.requests[0].json["messages"]
    assert [message["tool_name"] for message in told if message["role"] == "tool"] == ["find", "look"]
    assert [message["tool_calls"][0]["id"] for message in told if message["role"] == "assistant"] == ["call-1"] * 2


def test_only_the_tools_that_may_be_called_are_offered(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    tools = [TOOL, {**TOOL, "name": "look"}]
    choices: list[tuple[Any, Any]] = [("auto", ["find", "look"]), ("none", None), ({"name": "look"}, ["look"])]
    for choice, offered in choices:
        sidecar.call("chat/complete", ask(server.url, tools=tools, toolChoice=choice))
        asked = server.requests[-1].json.get("tools")
        assert offered == (asked and [tool["function"]["name"] for tool in asked])


@pytest.mark.parametrize("tail", ["/", "/gateway", "/gateway/"])
def test_the_endpoint_may_have_a_path(sidecar: Sidecar, serve: Serve, tail: str) -> None:
    server = serve(answering(*HELLO))
    assert sidecar.call("chat/complete", ask(server.url + tail))["content"] == "Hello"
    assert server.requests[0].path == f"{tail.rstrip('/')}/api/chat"


def test_loopback_never_goes_through_a_proxy(start: Callable[..., Sidecar], serve: Serve) -> None:
    proxy = f"http://127.0.0.1:{closed_port()}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    env = {spelled: proxy for name in names for spelled in (name, name.lower())}
    sidecar = start(env={**env, "NO_PROXY": "", "no_proxy": ""})
    server = serve(answering(*HELLO))
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        assert sidecar.call("chat/complete", ask(url)).get("content") == "Hello", url


@pytest.mark.parametrize(
    "form", ["127.0.0.1:{0}", "http://127.0.0.1:{0}", "http://localhost:{0}/", "0.0.0.0:{0}", ":{0}"]
)
def test_the_server_is_found_where_ollamas_own_variable_says(
    start: Callable[..., Sidecar], serve: Serve, form: str
) -> None:
    server = serve(answering(*HELLO))
    sidecar = start(env={"OLLAMA_HOST": form.format(server.url.rpartition(":")[2])})
    assert sidecar.call("chat/complete", ask(None))["content"] == "Hello"


def test_an_endpoint_that_is_given_goes_before_the_variable(start: Callable[..., Sidecar], serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar = start(env={"OLLAMA_HOST": f"127.0.0.1:{closed_port()}"})
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    sidecar.call("settings/update", {"config": {"provider": "ollama", "endpoint": server.url, "model": "m"}})
    assert sidecar.call("chat/complete", {"messages": [{"role": "user", "content": "?"}]})["content"] == "Hello"
    assert [request.json["model"] for request in server.requests] == ["test-model", "m"]


# What is answered


def test_without_stream_only_the_response_is_sent(sidecar: Sidecar, serve: Serve) -> None:
    result = sidecar.call("chat/complete", ask(serve(answering(*HELLO)).url, stream=False))
    assert result["content"] == "Hello"
    assert len(sidecar.messages) == 1


def test_tool_calls_are_collected_from_all_lines(sidecar: Sidecar, serve: Serve) -> None:
    wanted = [("find", {"text": WIDE}), ("find", {"text": "b", "deep": {"n": [1, 2.5, None]}}), ("look", {})]
    calls = [{"function": {"name": name, "arguments": arguments}} for name, arguments in wanted]
    server = serve(answering(piece("Wait."), piece(tool_calls=calls[:2]), piece(tool_calls=calls[2:]), last()))
    result = sidecar.call("chat/complete", ask(server.url, tools=[TOOL]))
    assert result["finishReason"] == "toolCalls"
    assert result["content"] == "Wait."
    assert [(call["name"], call["arguments"]) for call in result["toolCalls"]] == wanted
    assert len({call["id"] for call in result["toolCalls"]} - {""}) == 3


def test_calls_of_different_answers_have_different_ids(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(piece(tool_calls=[{"function": {"name": "find", "arguments": {}}}]), last()))
    answers = [sidecar.call("chat/complete", ask(server.url, tools=[TOOL])) for _ in range(2)]
    assert len({answer["toolCalls"][0]["id"] for answer in answers}) == 2


def test_counts_that_are_not_told_are_zero(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(piece("Hi"), {"done": True, "done_reason": "stop"}))
    usage = sidecar.call("chat/complete", ask(server.url))["usage"]
    assert (usage["promptTokens"], usage["costUsd"]) == (0, 0.0)


def test_the_last_line_may_hold_text_and_tool_calls(sidecar: Sidecar, serve: Serve) -> None:
    call = {"function": {"name": "find", "arguments": {}}}
    end = last(message={"role": "assistant", "content": "lo", "tool_calls": [call]})
    result = sidecar.call("chat/complete", ask(serve(answering(piece("Hel"), end)).url))
    assert (result["content"], result["finishReason"], len(result["toolCalls"])) == ("Hello", "toolCalls", 1)


# Structured output


def test_a_form_is_asked_for_and_parsed(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(piece('{"age"'), piece(": 7}"), last()))
    result = sidecar.call("chat/complete", ask(server.url, responseFormat=FORM))
    assert (result["content"], result["parsed"]) == ('{"age": 7}', {"age": 7})
    asked = server.requests[0].json
    assert (asked["format"], asked["think"]) == (SCHEMA, False)
    assert asked["messages"][-1]["role"] == "user"


@pytest.mark.parametrize(
    ("text", "candidate"),
    [('Here it is: {"age": 7}. Enjoy!', 'Here it is: {"age": 7}. Enjoy!'), ('{"age": "old"}', {"age": "old"})],
)
def test_what_does_not_fit_the_form_is_handed_back(sidecar: Sidecar, serve: Serve, text: str, candidate: Any) -> None:
    server = serve(answering(piece(text), last()))
    error = sidecar.call("chat/complete", ask(server.url, responseFormat=FORM))
    assert (error["data"]["kind"], error["data"]["candidate"]) == ("invalidOutput", candidate)


# How it arrives


def test_the_last_line_may_lack_its_newline(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, lines(piece("Hello, "), piece(WIDE), last()).rstrip(b"\n")))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == f"Hello, {WIDE}"
