"""`chat/complete` with the offline provider: what is streamed, what is answered, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar, question

ANSWER = "No model is connected; this is the offline provider of ckservice. You wrote: Hello, world"
TOOLS = [
    {"name": "look", "description": "Looks", "parameters": {"type": "object"}},
    {
        "name": "find",
        "description": "Finds",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
]


def structured(schema: dict[str, Any], text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    return question(text, responseFormat={"type": "json_schema", "name": "form", "schema": schema}, **params)


# Streaming


def test_tokens_come_first_then_usage_then_the_response(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question(), request_id="a")
    methods = [message.get("method", "response") for message in sidecar.messages]
    tokens = methods.count("stream/token")
    assert tokens > 5
    assert methods == ["stream/token"] * tokens + ["stream/usage", "response"]
    assert result["finishReason"] == "stop"


def test_seq_has_no_gap_and_token_index_counts_the_pieces(sidecar: Sidecar) -> None:
    sidecar.call("chat/complete", question(), request_id=7)
    notifications = sidecar.notifications(7)
    assert [message["params"]["seq"] for message in notifications] == list(range(len(notifications)))
    tokens = sidecar.notifications(7, "stream/token")
    assert [message["params"]["tokenIndex"] for message in tokens] == list(range(len(tokens)))


def test_tokens_joined_are_the_content(sidecar: Sidecar) -> None:
    text = "Hello, w\u00f6rld \U0001f600\u2028 and\n\n  spaces  \u00e9"
    content = sidecar.call("chat/complete", question(text), request_id=1)["content"]
    assert content == ANSWER.replace("Hello, world", text)
    assert "".join(message["params"]["token"] for message in sidecar.notifications(1, "stream/token")) == content


def test_usage_counts_the_tokens_that_were_sent(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question("one two three"), request_id=1)
    tokens = len(sidecar.notifications(1, "stream/token"))
    assert result["usage"] == {"promptTokens": 3, "completionTokens": tokens, "totalTokens": 3 + tokens, "costUsd": 0.0}
    assert sidecar.notifications(1, "stream/usage")[0]["params"]["usage"] == result["usage"]


def test_the_result_says_what_it_is(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question())
    assert result["content"] == ANSWER
    assert (result["provider"], result["model"]) == ("offline", "offline")
    assert (result["toolCalls"], result["cached"], result["attempts"]) == ([], False, 1)
    assert "parsed" not in result
    assert 0 <= result["firstTokenMs"] <= result["durationMs"]
    assert result["createdAt"].endswith("Z")


def test_the_same_question_has_the_same_answer(sidecar: Sidecar) -> None:
    first, second = (sidecar.call("chat/complete", question()) for _ in range(2))
    assert (first["content"], first["usage"]) == (second["content"], second["usage"])
    assert first["id"] != second["id"]


def test_without_stream_only_the_response_is_sent(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question(stream=False))
    assert result["content"] == ANSWER
    assert len(sidecar.messages) == 1


def test_notifications_that_were_opted_out_of_leave_no_gap(sidecar: Sidecar) -> None:
    sidecar.initialize(optOutNotifications=["stream/token", "stream/unheardOf"])
    sidecar.call("chat/complete", question(), request_id=1)
    assert [(message["method"], message["params"]["seq"]) for message in sidecar.notifications(1)] == [
        ("stream/usage", 0)
    ]


def test_two_streams_at_once_keep_their_own_count(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"tokenDelayMs": 1}})
    sidecar.request(1, "chat/complete", question("first"))
    sidecar.request("1", "chat/complete", question("second"))
    for request_id in (1, "1"):
        content = sidecar.response(request_id)["result"]["content"]
        own = [
            message["params"]
            for message in sidecar.notifications(request_id)
            if type(message["params"]["requestId"]) is type(request_id)
        ]
        assert [params["seq"] for params in own] == list(range(len(own)))
        assert "".join(params.get("token", "") for params in own) == content


# What is answered


def test_an_answer_is_made_of_earlier_messages(sidecar: Sidecar) -> None:
    messages = [
        {"role": "system", "content": "Invoices are paid within thirty days. Cats sleep a lot."},
        {"role": "user", "content": "When are invoices paid?"},
    ]
    content = sidecar.call("chat/complete", {"messages": messages})["content"]
    assert "- Invoices are paid within thirty days." in content
    assert "Cats" not in content


def test_max_tokens_cuts_the_answer(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question(maxTokens=3), request_id=1)
    assert result["finishReason"] == "length"
    assert result["content"] == "No model is"
    assert len(sidecar.notifications(1, "stream/token")) == result["usage"]["completionTokens"] == 3


def test_max_tokens_comes_from_the_settings_where_the_request_has_none(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"config": {"maxTokens": 2}})
    assert sidecar.call("chat/complete", question())["content"] == "No model"
    assert sidecar.call("chat/complete", question(config={"maxTokens": 1}))["content"] == "No"
    assert sidecar.call("chat/complete", question(config={"maxTokens": 1}, maxTokens=3))["content"] == "No model is"


def test_the_answer_ends_before_a_stop_sequence(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question(stop=["nowhere", "; this"]))
    assert result["content"] == "No model is connected"
    assert result["finishReason"] == "stop"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("required", {"name": "look", "arguments": {}}),
        ({"name": "find"}, {"name": "find", "arguments": {"text": "Hi"}}),
    ],
)
def test_a_tool_is_called_where_the_host_insists(sidecar: Sidecar, choice: Any, called: dict[str, Any]) -> None:
    result = sidecar.call("chat/complete", question("Hi", tools=TOOLS, toolChoice=choice))
    assert result["finishReason"] == "toolCalls"
    assert result["content"] == ""
    assert [{name: call[name] for name in called} for call in result["toolCalls"]] == [called]


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_no_tool_is_called_where_the_model_may_choose(sidecar: Sidecar, choice: str | None) -> None:
    given = {"toolChoice": choice} if choice else {}
    result = sidecar.call("chat/complete", question(tools=TOOLS, **given))
    assert (result["finishReason"], result["toolCalls"]) == ("stop", [])


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"toolChoice": "required"}, "toolChoice"),
        ({"tools": TOOLS, "toolChoice": {"name": "lost"}}, "toolChoice.name"),
        ({"tools": [{**TOOLS[0], "parameters": {"type": 5}}], "toolChoice": "required"}, "tools[0].parameters"),
    ],
)
def test_tools_that_make_no_sense_are_refused(sidecar: Sidecar, params: dict[str, Any], path: str) -> None:
    error = sidecar.call("chat/complete", question(**params))
    assert error["data"]["kind"] == "invalidParams"
    assert [detail["path"] for detail in error["data"]["errors"]] == [path]


# Models and providers


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-5", "openai"), ("o3-mini", "openai"), ("claude-opus", "anthropic"), ("qwen3:8b", "ollama")],
)
def test_the_provider_is_inferred_from_the_model(start: Callable[..., Sidecar], model: str, provider: str) -> None:
    sidecar = start(env={"OLLAMA_HOST": "127.0.0.1:1"})  # nothing listens there
    for params in ({"model": model}, {"config": {"model": model}}):
        error = sidecar.call("chat/complete", question(**params))
        expected = (-32010, "providerUnavailable") if provider == "ollama" else (-32019, "providerNotConfigured")
        assert (error["code"], error["data"]["kind"]) == expected
        assert error["data"]["provider"] == provider


def test_a_named_provider_goes_before_the_inferred_one(sidecar: Sidecar) -> None:
    error = sidecar.call("chat/complete", question(model="gpt-5", config={"provider": "offline"}))
    assert (error["code"], error["data"]["kind"], error["data"]["provider"]) == (-32016, "modelNotFound", "offline")


def test_an_unknown_provider_is_refused(sidecar: Sidecar) -> None:
    error = sidecar.call("chat/complete", question(config={"provider": "acme"}))
    assert error["data"]["errors"][0]["path"] == "config.provider"


# Structured output


def test_structured_output_is_parsed_and_fits(sidecar: Sidecar) -> None:
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 5},
            "count": {"type": "integer", "minimum": 3},
            "tags": {"type": "array", "items": {"enum": ["red"]}, "minItems": 1},
            "next": {"$ref": "#/$defs/next"},
        },
        "required": ["title", "count", "tags", "next"],
        "$defs": {"next": {"anyOf": [{"const": "later"}, {"type": "null"}]}},
    }
    result = sidecar.call("chat/complete", structured(schema))
    assert result["parsed"] == {"title": "Hello", "count": 3, "tags": ["red"], "next": "later"}


def test_an_answer_cut_short_is_not_parsed(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", structured({"type": "string"}, "one two three four", maxTokens=1))
    assert result["finishReason"] == "length"
    assert "parsed" not in result


def test_output_that_does_not_fit_is_returned_with_what_is_wrong(sidecar: Sidecar) -> None:
    impossible = {
        "type": "object",
        "properties": {"n": {"type": "string", "pattern": "^(?!.)x"}, "m": {"const": 1, "type": "string"}},
        "required": ["n", "m"],
    }
    error = sidecar.call("chat/complete", structured(impossible))
    assert (error["code"], error["data"]["kind"]) == (-32024, "invalidOutput")
    assert error["data"]["candidate"] == {"n": "Hello, world", "m": 1}
    assert [detail["path"] for detail in error["data"]["errors"]] == ["$.m", "$.n"]
    assert "partial" not in error["data"]


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"required": "title"}, {"type": "string", "pattern": "("}])
def test_a_schema_that_is_none_is_refused(sidecar: Sidecar, schema: dict[str, Any]) -> None:
    error = sidecar.call("chat/complete", structured(schema), request_id=1)
    assert error["data"]["kind"] == "invalidParams"
    assert [detail["path"] for detail in error["data"]["errors"]] == ["responseFormat.schema"]
    assert sidecar.notifications(1) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {
            "allOf": [True],
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"$ref": "#/default"}},
            "default": 1,
        },
        {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
        {"type": "array", "minItems": 10**9, "items": {"type": "string"}},
        {"type": "string", "minLength": 10**9},
    ],
    ids=["endless", "odd", "exploding", "many", "long"],
)
def test_a_schema_that_asks_too_much_is_answered_soon(sidecar: Sidecar, schema: dict[str, Any]) -> None:
    error = sidecar.call("chat/complete", structured(schema))
    assert error["data"]["kind"] == "invalidOutput"
    sidecar.assert_alive()
