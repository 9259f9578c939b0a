"""`chat/complete` with a `responseFormat`: how it is asked for, and what is done until the answer has that form."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers import anthropic, ollama, openai
from tests.providers.openai import in_turn
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, question

Serve = Callable[[Script], Server]

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "age": {"type": "integer"},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["name"],
}
PLAIN = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
REFUSED = openai.sending(400, openai.refusing("invalid_json_schema", param="text.format.schema"))


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with openai.running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def form(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "name": "form", "schema": schema}


def saying(text: str) -> Script:
    return openai.answering(*openai.begin(), *openai.text(text), openai.completed())


def chat(sidecar: Sidecar, server: Server, schema: Any = PLAIN, **params: Any) -> Any:
    """The result of asking OpenAI's API for a form, or the error."""
    return sidecar.call("chat/complete", openai.ask(server.url, responseFormat=form(schema), **params))


def rung(request: Request) -> str:
    """How a request to OpenAI's API asks for a form."""
    wanted = request.json.get("text", {}).get("format")
    return "prompt" if wanted is None else "strict" if wanted["strict"] else "loose"


def rungs(server: Server) -> list[str]:
    return [rung(request) for request in server.requests]


def prompt(request: Request) -> str:
    """All that a request says, as text."""
    return request.body.decode()


def spoken(request: Request) -> list[tuple[str, str]]:
    """The roles and texts of the messages to Ollama."""
    return [(message["role"], message["content"]) for message in request.json["messages"]]


# How it is asked for


def test_a_provider_is_given_the_schema_in_its_own_dialect(sidecar: Sidecar, serve: Serve) -> None:
    said = {"name": "Ada", "age": None, "tags": [{"key": "a", "value": "b"}]}
    server = serve(saying(json.dumps(said)))
    result = chat(sidecar, server, SCHEMA)
    assert result["parsed"] == {"name": "Ada", "tags": {"a": "b"}}
    assert json.loads(result["content"]) == result["parsed"]
    assert result["attempts"] == 1
    asked = server.requests[0].json["text"]["format"]
    assert (asked["name"], asked["strict"]) == ("form", True)
    assert asked["schema"]["required"] == ["name", "age", "tags"]
    assert asked["schema"]["properties"]["name"] == {"type": "string", "description": "At most 5 characters."}


def test_what_fits_as_it_is_stays_as_the_model_wrote_it(sidecar: Sidecar, serve: Serve) -> None:
    result = chat(sidecar, serve(saying('{ "age":\n7 }')))
    assert (result["content"], result["parsed"]) == ('{ "age":\n7 }', {"age": 7})


@pytest.mark.parametrize(
    ("schema", "value"),
    [({"type": "array", "items": {"type": "string"}}, ["a"]), ({"type": ["integer", "null"]}, None), ({"const": 5}, 5)],
)
def test_the_root_may_be_anything(sidecar: Sidecar, serve: Serve, schema: Any, value: Any) -> None:
    server = serve(saying(json.dumps({"value": value})))
    result = chat(sidecar, server, schema)
    assert json.loads(result["content"]) == value
    assert result.get("parsed") == value
    assert server.requests[0].json["text"]["format"]["schema"]["type"] == "object"


def test_a_refused_form_is_asked_for_in_the_next_way_from_then_on(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(REFUSED, saying('{"age": 7}')))
    for _ in range(2):
        assert chat(sidecar, server)["parsed"] == {"age": 7}
    assert rungs(server) == ["strict", "loose", "loose"]
    assert server.requests[1].json["text"]["format"]["schema"] == PLAIN
    chat(sidecar, server, config={"model": "another-model"})
    assert rung(server.requests[3]) == "strict"


def test_the_prompt_is_the_last_way(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(REFUSED, REFUSED, saying('{"age": 7}')))
    for _ in range(2):
        assert chat(sidecar, server)["parsed"] == {"age": 7}
    assert rungs(server) == ["strict", "loose", "prompt", "prompt"]
    for request, is_shown in zip(server.requests, (False, False, True, True), strict=True):
        assert ("Answer with JSON" in prompt(request)) == is_shown
    assert json.dumps(PLAIN, separators=(",", ":")).replace('"', '\\"') in prompt(server.requests[2])


def test_a_request_that_is_refused_in_every_way_is_an_error(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(REFUSED)
    assert chat(sidecar, server)["data"]["kind"] == "providerRejected"
    assert rungs(server) == ["strict", "loose", "prompt"]


def test_a_way_that_did_not_work_is_not_remembered(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(REFUSED, saying('{"age": "old"}')))
    assert chat(sidecar, server)["data"]["kind"] == "invalidOutput"
    chat(sidecar, server)
    assert rungs(server) == ["strict", "loose", "loose", "loose", "strict", "strict", "strict"]


def test_a_schema_that_cannot_be_said_is_not_enforced_and_others_are(sidecar: Sidecar, serve: Serve) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    answers = [[anthropic.begin(), *anthropic.text(text), *anthropic.stop()] for text in ('{"next": {}}', '{"age": 7}')]
    server = serve(in_turn(*(anthropic.answering(*events) for events in answers)))
    for schema, value in ((node, {"next": {}}), (PLAIN, {"age": 7})):
        result = sidecar.call("chat/complete", anthropic.ask(server.url, responseFormat=form(schema)))
        assert result["parsed"] == value
    first, second = (request.json for request in server.requests)
    assert "format" not in first.get("output_config", {})
    assert "Answer with JSON" in json.dumps(first["system"])
    assert second["output_config"]["format"]["schema"] == PLAIN
    assert "system" not in second


def test_a_model_that_sees_no_schema_is_shown_it(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(
        in_turn(*(ollama.answering(ollama.piece(text), ollama.last()) for text in ('{"age": "old"}', '{"age": 7}')))
    )
    messages = [{"role": role, "content": role} for role in ("system", "user")]
    params = {**ollama.ask(server.url, responseFormat=form(PLAIN)), "messages": messages}
    result = sidecar.call("chat/complete", params)
    assert (result["parsed"], result["usage"]["costUsd"]) == ({"age": 7}, 0.0)
    for request in server.requests:
        assert request.json["format"] == PLAIN
        assert [role for role, _ in spoken(request)][:3] == ["system", "system", "user"]
        assert json.dumps(PLAIN, separators=(",", ":")) in spoken(request)[1][1]


# What is done about answers that do not fit


def test_an_answer_that_does_not_fit_is_repaired(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(saying('{"age": "old"}'), saying('{"age": 7}')))
    params = openai.ask(server.url, responseFormat=form(PLAIN))
    result = sidecar.call("chat/complete", params, request_id="repaired")
    assert (result["content"], result["parsed"], result["attempts"]) == ('{"age": 7}', {"age": 7}, 2)
    counts = {name: None if value is None else 2 * value for name, value in openai.USAGE.items()}
    assert result["usage"] == counts
    assert sidecar.notifications("repaired", "stream/usage")[0]["params"]["usage"] == counts
    progress = [message["params"] for message in sidecar.notifications("repaired", "stream/progress")]
    assert [params["phase"] for params in progress] == ["repair"]
    assert "old" not in progress[0]["message"]
    tokens = [message["params"]["token"] for message in sidecar.notifications("repaired", "stream/token")]
    assert "".join(tokens) == '{"age": "old"}{"age": 7}'
    said = [(item["role"], json.dumps(item["content"])) for item in server.requests[1].json["input"]]
    assert [role for role, _ in said] == ["user", "assistant", "user"]
    assert "old" in said[1][1]
    assert "$.age: 'old' is not of type 'integer'" in said[2][1]


def test_repairs_end(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(*(saying(f'{{"age": "{age}"}}') for age in ("old", "older", "oldest"))))
    error = chat(sidecar, server)
    assert (error["code"], error["data"]["kind"]) == (-32024, "invalidOutput")
    assert error["data"]["candidate"] == {"age": "oldest"}
    assert error["data"]["errors"] == [{"path": "$.age", "message": "'oldest' is not of type 'integer'"}]
    assert len(server.requests) == 3
    assert "older" in prompt(server.requests[2])
    assert '"old' not in prompt(server.requests[2]).replace("older", "")  # the last answer is enough


def test_a_model_is_told_of_so_many_problems_and_no_more(sidecar: Sidecar, serve: Serve) -> None:
    wrong = json.dumps(["x" * 1000] * 100)
    server = serve(in_turn(saying(f'{{"value": {wrong}}}'), saying('{"value": []}')))
    assert chat(sidecar, server, {"type": "array", "items": {"type": "integer"}})["parsed"] == []
    correction = json.dumps(server.requests[1].json["input"][-1])
    assert correction.count("$[") == 20
    assert len(correction) < 6000


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([*openai.text('{"age": 7'), openai.incomplete("max_output_tokens")], "length"),
        ([*openai.text("I can't"), openai.incomplete("content_filter")], "contentFilter"),
        ([*openai.tool_call("c", "find", "{}"), openai.completed()], "toolCalls"),
    ],
)
def test_what_is_no_whole_answer_is_neither_parsed_nor_repaired(
    sidecar: Sidecar, serve: Serve, events: list[dict[str, Any]], reason: str
) -> None:
    server = serve(openai.answering(*openai.begin(), *events))
    tool = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}
    result = chat(sidecar, server, tools=[tool])
    assert result["finishReason"] == reason
    assert "parsed" not in result
    assert len(server.requests) == 1


def test_an_error_in_a_repair_is_that_error(sidecar: Sidecar, serve: Serve) -> None:
    refusal = openai.sending(401, openai.refusing("invalid_api_key"))
    assert chat(sidecar, serve(in_turn(saying("{}"), refusal)))["data"]["kind"] == "authenticationFailed"


def test_a_repair_can_be_cancelled(sidecar: Sidecar, serve: Serve) -> None:
    async def slow(_request: Request, reply: Reply) -> None:
        await reply.send(headers=openai.SSE, end=False)
        await reply.hold()

    server = serve(in_turn(saying("{}"), slow))
    sidecar.request("slow", "chat/complete", openai.ask(server.url, responseFormat=form(PLAIN)))
    second = server.request(1)
    sidecar.notify("$/cancelRequest", {"id": "slow"})
    assert sidecar.response("slow")["error"]["data"]["kind"] == "cancelled"
    assert second.connection.closed.wait(10)


def test_a_provider_that_enforces_nothing_is_asked_in_the_prompt_from_then_on(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(saying("Seven."), saying('{"age": 7}')))
    for _ in range(2):
        assert chat(sidecar, server)["parsed"] == {"age": 7}
    assert rungs(server) == ["strict", "prompt", "prompt"]
    assert "$: is not JSON" in prompt(server.requests[1])


def test_an_empty_answer_is_no_message_of_the_conversation(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(saying(" "), saying('{"age": 7}')))
    assert chat(sidecar, server)["parsed"] == {"age": 7}
    assert "assistant" not in [item.get("role") for item in server.requests[1].json["input"]]


def test_a_schema_that_cannot_be_applied_is_not_blamed_on_the_model(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(saying('{"a": 1}'))
    error = chat(sidecar, server, {"properties": {"a": {"$ref": "#/$defs/lost"}}})
    assert (error["data"]["kind"], error["data"]["candidate"]) == ("invalidOutput", {"a": 1})
    assert error["data"]["errors"][0]["path"] == "$"
    assert len(server.requests) == 1


def test_the_offline_provider_says_the_same_again_and_is_not_asked(sidecar: Sidecar) -> None:
    params = question("Hi", responseFormat=form({"type": "string", "pattern": "^(?!.)x"}))
    error = sidecar.call("chat/complete", params, request_id="offline")
    assert error["data"]["candidate"] == "Hi"
    assert sidecar.notifications("offline", "stream/progress") == []
