"""What OpenAI is asked otherwise than the host asks it: stop sequences, forms, and what a model refuses."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.openai import (
    HELLO,
    SSE,
    TOOL,
    USAGE,
    answer,
    answering,
    ask,
    completed,
    refusing,
    running,
    sending,
    sse,
    streamed,
    text,
    thinking,
    tool_call,
)
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}
THINKER = {"model": "gpt-6-luna"}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


# Stop sequences, which the API doesn't have


@pytest.mark.parametrize(
    ("pieces", "stops", "content"),
    [
        (["one END two"], ["END"], "one "),
        (["one E", "N", "D two"], ["END"], "one "),
        (list("one END two"), ["END"], "one "),
        (["one EN", "C two"], ["END"], "one ENC two"),
        (["one E"], ["END"], "one E"),
        (["one ", "two three"], ["three", "two"], "one "),
        (["END"], ["END"], ""),
        (["aab", "aac"], ["aabaab", "aaba"], ""),
        (["\u20ac\U0001f600", "\U0001f600x"], ["\U0001f600\U0001f600"], "\u20ac"),
        (["a(b", ".*c"], [".*"], "a(b"),
    ],
)
def test_an_answer_ends_before_a_stop_sequence(
    sidecar: Sidecar, serve: Serve, pieces: list[str], stops: list[str], content: str
) -> None:
    server = serve(answering(*text(*pieces), completed()))
    result = answer(sidecar, server, stop=stops)
    assert (result["content"], streamed(sidecar), result["finishReason"]) == (content, content, "stop")
    assert "stop" not in server.requests[0].json


def test_a_stop_sequence_ends_the_stream(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        await reply.chunk(sse(*text("Hello. END")))
        await reply.hold()

    server = serve(script)
    result = answer(sidecar, server, stop=["END"])
    assert result["content"] == "Hello. "
    assert result["usage"]["promptTokens"] > 0
    assert result["usage"]["completionTokens"] > 0
    assert server.requests[0].connection.closed.wait(5)


def test_stop_sequences_leave_the_rest_alone(sidecar: Sidecar, serve: Serve) -> None:
    events = [*thinking("END"), *text("Hello E"), *tool_call("c1", "find", "{}"), completed()]
    result = answer(sidecar, serve(answering(*events)), stop=["END"], tools=[TOOL])
    assert (result["content"], result["finishReason"], result["usage"]) == ("Hello E", "toolCalls", USAGE)
    assert streamed(sidecar, "stream/reasoning") == "END"


# Structured output


def test_a_form_is_asked_for_and_parsed(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*text('{"age"', ": 7}"), completed()))
    result = answer(sidecar, server, responseFormat=FORM)
    assert (result["content"], result["parsed"]) == ('{"age": 7}', {"age": 7})
    form = server.requests[0].json["text"]["format"]
    assert (form["type"], form["name"], form["strict"]) == ("json_schema", "form", True)
    assert form["schema"] == SCHEMA


@pytest.mark.parametrize(
    "refusal",
    [
        refusing("invalid_json_schema", param="text.format.schema", message="Invalid schema for response_format"),
        refusing("unsupported_parameter", param="text.format", message="-"),
        refusing(None, param="text.format", message="'text.format' of type 'json_schema' is not supported"),
        {"error": "'response_format.type' must be 'json_schema' or 'text'"},
        {"error": {"code": 400, "type": "invalid_request_error", "message": "Failed to parse grammar"}},
    ],
)
def test_a_form_that_is_refused_is_asked_for_in_another_way(sidecar: Sidecar, serve: Serve, refusal: Any) -> None:
    async def script(request: Request, reply: Reply) -> None:
        is_refused = "text" in request.json
        await (sending(400, refusal) if is_refused else answering(*text('{"age": 7}'), completed()))(request, reply)

    server = serve(script)
    assert answer(sidecar, server, responseFormat=FORM)["parsed"] == {"age": 7}
    assert "text" in server.requests[0].json
    assert "text" not in server.requests[-1].json


# Parameters that a model refuses


@pytest.mark.parametrize(
    ("refusal", "name"),
    [
        (refusing("unsupported_parameter", param="temperature"), "temperature"),
        (refusing("unsupported_value", param="temperature"), "temperature"),
        (refusing("unknown_parameter", param="max_output_tokens"), "max_output_tokens"),
        (refusing("unsupported_value", param="reasoning.summary"), "reasoning"),
        (refusing(None, param="include", message="Encrypted content is not supported with this model."), "include"),
        (refusing(None, message="Unrecognized request argument supplied: temperature"), "temperature"),
    ],
)
def test_a_parameter_that_is_refused_is_left_out_from_then_on(
    sidecar: Sidecar, serve: Serve, refusal: Any, name: str
) -> None:
    async def script(request: Request, reply: Reply) -> None:
        await (sending(400, refusal) if name in request.json else answering(*HELLO))(request, reply)

    server = serve(script)
    params = {"temperature": 0.5, "maxTokens": 9, "tools": [TOOL], "config": THINKER}
    assert answer(sidecar, server, **params)["attempts"] == 1
    assert len(server.requests) == 2
    first, second = (request.json for request in server.requests)
    assert {**second, name: first[name]} == first
    answer(sidecar, server, **params)
    assert len(server.requests) == 3
    answer(sidecar, server, **{**params, "config": {"model": "gpt-6.1-sol"}})
    assert name in server.requests[3].json


def test_several_parameters_may_be_refused(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        names = ("temperature", "max_output_tokens", "include", "reasoning")
        name = next((name for name in names if name in request.json), None)
        refusal = sending(400, refusing("unsupported_parameter", param=name))
        await (refusal if name else answering(*HELLO))(request, reply)

    server = serve(script)
    answer(sidecar, server, temperature=0.5, maxTokens=9, tools=[TOOL], config=THINKER)
    assert len(server.requests) == 5


@pytest.mark.parametrize("name", ["temperature", "model", "input", "", "tools", "tool_choice"])
def test_what_can_not_be_left_out_is_not_asked_again(sidecar: Sidecar, serve: Serve, name: str) -> None:
    server = serve(sending(400, refusing("unsupported_parameter", param=name)))
    error = sidecar.call("chat/complete", ask(server.url, tools=[TOOL], toolChoice="required"))
    assert error["data"]["kind"] == "providerRejected"
    assert len(server.requests) == 1
