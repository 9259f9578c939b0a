"""`chat/complete` with Anthropic: what is asked of the server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.anthropic import (
    HELLO,
    KEY,
    answering,
    ask,
    begin,
    block,
    failing,
    running,
    sending,
    stop,
    text,
    thinking,
    tool_use,
)
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

TOOL = {"name": "find", "description": "Finds", "parameters": {"properties": {"q": {"type": "string"}}}}
SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}
MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def asked(sidecar: Sidecar, server: Server, messages: list[dict[str, Any]] | None = None, **params: Any) -> Any:
    """The body of the request that a chat leads to."""
    params = ask(server.url, **params)
    result = sidecar.call("chat/complete", {**params, "messages": messages} if messages else params)
    assert "content" in result, result
    return server.requests[-1].json


def said(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


def calling(*names: str) -> dict[str, Any]:
    calls = [{"id": f"toolu_{name}", "name": name, "arguments": {"q": name}} for name in names]
    return {"role": "assistant", "content": "", "toolCalls": calls}


def result_of(name: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "content": content, "toolCallId": f"toolu_{name}"}


def test_a_question_is_asked_as_the_api_wants_it(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    params: dict[str, Any] = {"temperature": 0.5, "maxTokens": 9, "stop": ["END", " \n"], "tools": [TOOL]}
    body = asked(sidecar, server, **params)
    assert asked(sidecar, server, **params) == body
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["anthropic-version"]
    assert body == {
        "model": "test-model",
        "messages": [{"role": "user", "content": [said("Hello, world")]}],
        "max_tokens": 9,
        "stop_sequences": ["END"],
        "tools": [
            {"name": "find", "description": "Finds", "input_schema": {"type": "object", **TOOL["parameters"]}}  # type: ignore[dict-item] # it is a dict
        ],
        "stream": True,
    }
    left_out = [record for record in sidecar.records() if record.get("parameter") == "temperature"]
    assert len(left_out) == 1


def test_what_is_not_given_is_left_to_the_server(sidecar: Sidecar, serve: Serve) -> None:
    body = asked(sidecar, serve(answering(*HELLO)))
    assert body.keys() == {"model", "messages", "max_tokens", "stream"}
    assert body["max_tokens"] == 32_000


def test_a_conversation_is_told_in_turns(sidecar: Sidecar, serve: Serve) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user("Find it."),
        user("  "),
        user("Now."),
        calling("find", "look"),
        result_of("look", "seen"),
        user("And?"),
        result_of("find", ""),
        {"role": "system", "content": "Be kind."},
    ]
    body = asked(sidecar, serve(answering(*HELLO)), messages, tools=[TOOL])
    assert body["system"] == [said("Be brief.\n\nBe kind.")]
    first, second, third = body["messages"]
    assert first == {"role": "user", "content": [said("Find it."), said("Now.")]}
    calls = [
        {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {"q": name}} for name in ("find", "look")
    ]
    assert second == {"role": "assistant", "content": calls}
    assert third["role"] == "user"
    assert third["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_look", "content": [said("seen")]},
        {"type": "tool_result", "tool_use_id": "toolu_find"},
        {**said("And?"), **MARK},
    ]


def test_a_conversation_of_instructions_alone_is_a_question(sidecar: Sidecar, serve: Serve) -> None:
    body = asked(sidecar, serve(answering(*HELLO)), [{"role": "system", "content": "Say hello."}])
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [said("Say hello.")]}]


def test_ids_of_another_providers_calls_are_made_to_fit(sidecar: Sidecar, serve: Serve) -> None:
    call = {"id": "functions.find:0", "name": "find", "arguments": {}}
    messages = [
        user("?"),
        {"role": "assistant", "content": "", "toolCalls": [call]},
        {"role": "tool", "content": "found", "toolCallId": call["id"]},
    ]
    _, made, answered = asked(sidecar, serve(answering(*HELLO)), messages, tools=[TOOL])["messages"]
    assert made["content"][0]["id"] == answered["content"][0]["tool_use_id"] == "functions_find_0"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", None),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"name": "find"}, {"type": "tool", "name": "find"}),
    ],
)
def test_the_choice_of_tools_is_passed_on(sidecar: Sidecar, serve: Serve, choice: Any, sent: Any) -> None:
    body = asked(sidecar, serve(answering(*HELLO)), tools=[TOOL], toolChoice=choice)
    assert body.get("tool_choice") == sent
    assert len(body["tools"]) == 1


def test_tools_that_were_called_are_named_even_if_none_may_be_called(sidecar: Sidecar, serve: Serve) -> None:
    messages = [user("Find it."), calling("find", "look"), result_of("find", "1"), result_of("look", "2")]
    body = asked(sidecar, serve(answering(*HELLO)), messages)
    assert body["tools"] == [{"name": name, "input_schema": {"type": "object"}} for name in ("find", "look")]
    assert body["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        ("tool_choice", "Thinking may not be enabled when tool_choice forces tool use."),
        ("cache_control", "tools.0.cache_control: Extra inputs are not permitted"),
    ],
)
def test_what_is_refused_is_left_out_from_then_on(sidecar: Sidecar, serve: Serve, parameter: str, reason: str) -> None:
    async def picky(request: Request, reply: Reply) -> None:
        if parameter in request.body.decode():
            await sending(400, failing("invalid_request_error", reason))(request, reply)
        else:
            await answering(*HELLO)(request, reply)

    server = serve(picky)
    for _ in range(2):
        body = asked(sidecar, server, tools=[{**TOOL, "description": "Finds. " * 800}], toolChoice="required")
        assert parameter not in str(body)
    assert len(server.requests) == 3


def test_a_refusal_for_another_reason_is_not_asked_again(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(400, failing("invalid_request_error", "tool_choice: nonsense")))
    assert sidecar.call("chat/complete", ask(server.url, tools=[TOOL]))["data"]["kind"] == "providerRejected"
    assert len(server.requests) == 1


def test_a_conversation_without_a_word_is_the_servers_to_refuse(sidecar: Sidecar, serve: Serve) -> None:
    assert asked(sidecar, serve(answering(*HELLO)), [user(" ")])["messages"] == []


@pytest.mark.parametrize("place", ["system", "tools"])
def test_a_long_beginning_is_marked_to_be_cached(sidecar: Sidecar, serve: Serve, place: str) -> None:
    long = "Be brief. " * 500
    system = [{"role": "system", "content": long}] if place == "system" else []
    tools = [{**TOOL, "description": long}]
    body = asked(sidecar, serve(answering(*HELLO)), [*system, user("?")], tools=tools)
    marked = [name for name in ("system", "tools", "messages") if "cache_control" in str(body.get(name))]
    assert marked == [place]
    assert body[place][-1]["cache_control"] == {"type": "ephemeral"}


def test_a_form_is_asked_for_natively_and_parsed(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(begin(), *text('{"age"', ": 7}"), *stop()))
    result = sidecar.call("chat/complete", ask(server.url, responseFormat=FORM))
    assert (result["content"], result["parsed"]) == ('{"age": 7}', {"age": 7})
    sent = server.requests[0].json["output_config"]["format"]
    assert (sent["type"], sent["schema"]["properties"]["age"]["type"]) == ("json_schema", "integer")


def test_a_form_that_is_refused_is_described_instead(sidecar: Sidecar, serve: Serve) -> None:
    async def picky(request: Request, reply: Reply) -> None:
        if "output_config" in request.json:
            reason = "output_config.format.schema: the compiled grammar is too large"
            await sending(400, failing("invalid_request_error", reason))(request, reply)
        else:
            await answering(begin(), *text('{"age": 7}'), *stop())(request, reply)

    server = serve(picky)
    assert sidecar.call("chat/complete", ask(server.url, responseFormat=FORM))["parsed"] == {"age": 7}
    assert "age" in str(server.requests[-1].json["messages"]) + str(server.requests[-1].json.get("system"))


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/gateway/", "/gateway/v1/"])
def test_the_endpoint_may_have_a_path(sidecar: Sidecar, serve: Serve, tail: str) -> None:
    server = serve(answering(*HELLO))
    assert sidecar.call("chat/complete", ask(server.url + tail))["content"] == "Hello"
    assert server.requests[0].path == ("/gateway" if "gateway" in tail else "") + "/v1/messages"


def test_the_environment_has_no_say(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url))
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "x-of-the-environment" not in headers


@pytest.mark.parametrize(
    ("headers", "authorization"),
    [({"X-Gateway": "g"}, None), ({"X-Gateway": "g", "authorization": "Bearer own"}, "Bearer own")],
)
def test_a_gateways_headers_do_without_a_key(
    sidecar: Sidecar, serve: Serve, headers: dict[str, str], authorization: str | None
) -> None:
    server = serve(answering(*HELLO))
    result = sidecar.call("chat/complete", ask(server.url, config={"apiKey": None, "headers": headers}))
    assert result["content"] == "Hello"
    sent = server.requests[0].headers
    assert (sent["x-gateway"], sent.get("authorization")) == ("g", authorization)


def test_a_turn_that_calls_tools_is_shown_again_verbatim(sidecar: Sidecar, serve: Serve) -> None:
    hidden = block(1, "redacted_thinking", data="ZW5j")
    turn = [*thinking("Hm.", signature="c2lnbmVk"), *hidden, *text("Wait.", index=2), *text(index=3)]
    server = serve(answering(begin(), *turn, *tool_use("toolu_find", "find", '{"q": 1}', index=4), *stop("tool_use")))
    call = sidecar.call("chat/complete", ask(server.url, tools=[TOOL]))["toolCalls"][0]
    server.script = answering(*HELLO)
    made = {"role": "assistant", "content": "Wait.", "toolCalls": [call]}
    body = asked(sidecar, server, [user("?"), made, result_of("find", "found")], tools=[TOOL])
    shown = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "ZW5j"},
        said("Wait."),
        {"type": "tool_use", "id": "toolu_find", "name": "find", "input": {"q": 1}},
    ]
    assert body["messages"][1] == {"role": "assistant", "content": shown}
