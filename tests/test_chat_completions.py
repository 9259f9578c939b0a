"""`chat/complete` over Chat Completions: what is asked of the server, and what becomes of its answer."""

import json
from typing import Any

from tests.providers.chat_completions import (
    DONE,
    END,
    HELLO,
    SSE,
    TOOL,
    USAGE,
    Serve,
    answering,
    ask,
    ask_each,
    chunk,
    events,
    joined,
    usage,
    with_choices,
)
from tests.providers.server import Reply, Request
from tests.sidecar import Sidecar

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}


# What is asked


def test_a_question_is_asked_as_the_api_wants_it(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    params = ask(server.url, temperature=0.5, maxTokens=9, stop=["END"], tools=[TOOL], config={"apiKey": "key-1"})
    sidecar.call("chat/complete", params)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["content-type"].partition(";")[0] == "application/json"
    assert request.headers["authorization"] == "Bearer key-1"
    assert request.json == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "Hello, world"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ["END"],
        "tools": [{"type": "function", "function": TOOL}],
    }


def test_what_is_not_given_is_left_to_the_server(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("chat/complete", ask(server.url))
    assert server.requests[0].json.keys() == {"model", "messages", "stream", "stream_options"}


def test_a_form_is_asked_for_and_parsed(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(chunk('{"age"'), chunk(": 7}"), *END))
    result = sidecar.call("chat/complete", ask(server.url, responseFormat=FORM))
    assert (result["content"], result["parsed"]) == ('{"age": 7}', {"age": 7})
    asked = server.requests[0].json["response_format"]
    assert (asked["type"], asked["json_schema"]["name"], asked["json_schema"]["strict"]) == (
        "json_schema",
        "form",
        True,
    )
    assert asked["json_schema"]["schema"]["required"] == ["age"]


def test_openai_itself_is_asked_in_its_own_words(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    sidecar.call("settings/update", {"network": {"proxy": server.url}})
    config = {"endpoint": "http://api.openai.com/v1", "api": "chat", "apiKey": "key-1"}
    assert sidecar.call("chat/complete", ask("", maxTokens=9, config=config))["content"] == "Hello"
    assert server.requests[0].path == "http://api.openai.com/v1/chat/completions"
    asked = server.requests[0].json
    assert (asked.get("max_completion_tokens"), asked.get("max_tokens")) == (9, None)


def test_what_a_server_refuses_is_not_sent_again(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        for name in ("max_tokens", "temperature", "stream_options"):
            if name in request.json:
                told = {"message": f"'{name}' is not supported", "param": name, "code": "unsupported_parameter"}
                await reply.send(400, json.dumps({"error": told}).encode())
                return
        await reply.send(body=events(*HELLO), headers=SSE)

    server = serve(script)
    for _ in range(2):
        assert sidecar.call("chat/complete", ask(server.url, maxTokens=9, temperature=0.5))["content"] == "Hello"
    asked = [request.json.keys() - {"model", "messages", "stream"} for request in server.requests]
    assert asked == [
        {"max_tokens", "temperature", "stream_options"},
        {"max_completion_tokens", "temperature", "stream_options"},
        {"max_completion_tokens", "stream_options"},
        {"max_completion_tokens"},
        {"max_completion_tokens"},
    ]


# What is answered


FILTERED = {"hate": {"filtered": False, "severity": "safe"}}

ANSWERS: dict[str, list[Any]] = {
    "OpenAI": HELLO,
    "no [DONE]": HELLO[:-1],
    "neither [DONE] nor usage": HELLO[:-2],
    "no reason to finish": [chunk("Hello"), DONE],
    "usage before the last chunk": [chunk("Hello"), usage(), chunk(finish="stop"), DONE],
    "usage in the last chunk": [chunk("Hello"), {**usage(), "choices": chunk(finish="stop")["choices"]}, DONE],
    "usage that grows": [{**usage(), "choices": chunk(text)["choices"]} for text in ("Hel", "lo")] + END,
    "usage behind a chunk that is empty": [chunk("Hello"), chunk(finish="stop"), {**chunk(""), "usage": {}}, DONE],
    "text behind the reason to finish": [chunk("Hel", finish="stop"), chunk("lo"), DONE],
    "junk behind [DONE]": [*HELLO, b"data: {junk\n\ndata: [DONE]\n\n"],
    "junk behind the usage": [*HELLO[:-1], b"data: {junk\n\n"],
    "Azure": [
        with_choices(id="", model="", prompt_filter_results=[{"prompt_index": 0, "content_filter_results": FILTERED}]),
        *HELLO[:-2],
        with_choices({"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 4}}),
        with_choices({"index": 0, "delta": None, "finish_reason": None, "content_filter_results": FILTERED}),
        *HELLO[-2:],
    ],
    "null for everything": [
        {"choices": None, "error": None, "usage": None},
        chunk("Hello", refusal=None, tool_calls=None, function_call=None, reasoning=None, reasoning_content=None),
        with_choices({"index": 0, "delta": {"content": None}, "finish_reason": None}),
        with_choices({"index": 0, "delta": {}, "finish_reason": ""}),
        *END,
    ],
    "nothing but choices": [{"choices": [{"delta": {"content": "Hello"}}]}, {"choices": [{"finish_reason": "stop"}]}],
    "keep-alives": [
        b": OPENROUTER PROCESSING\n\n",
        b":\n\n",
        b"data:\n\n",
        b"event: ping\ndata: {}\n\n",
        *HELLO[:2],
        b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
        b"data: \n\n",
        *HELLO[2:],
    ],
    "other marks": [
        b"\xef\xbb\xbf" + events(*HELLO[:-1]).replace(b"data: ", b"id: 7\r\ndata:"),
        b"data:[DONE]\r\n\r\n",
    ],
    "content in parts": [
        chunk([{"type": "text", "text": "Hel"}, {"type": "reference", "reference_ids": [1]}]),
        chunk([{"type": "text", "text": "lo"}]),
        *END,
    ],
}


def test_every_way_to_say_hello_is_understood(sidecar: Sidecar, serve: Serve) -> None:
    told = ask_each(sidecar, serve, ANSWERS, lambda result: (result["content"], result["finishReason"]))
    assert told == dict.fromkeys(ANSWERS, ("Hello", "stop"))
    assert {name: joined(sidecar, name) for name in ANSWERS} == dict.fromkeys(ANSWERS, "Hello")


def test_reasoning_is_told_apart(sidecar: Sidecar, serve: Serve) -> None:
    thoughts = [{"type": "text", "text": "Hm"}, {"type": "text", "text": "m."}]
    cases = {
        "DeepSeek": [chunk(reasoning_content="Hm"), chunk(reasoning_content="m.", role=None), chunk("Hello")],
        "OpenRouter": [chunk("", reasoning="Hm", reasoning_details=[{}]), chunk("", reasoning="m."), chunk("Hello")],
        "both": [chunk(reasoning="Hmm.", reasoning_content="Hmm."), chunk("Hello")],
        "at once": [chunk("Hello", reasoning="Hmm.")],
        "Mistral": [chunk([{"type": "thinking", "thinking": thoughts}]), chunk("Hello")],
    }
    told = ask_each(sidecar, serve, {name: [*items, *END] for name, items in cases.items()}, lambda r: r["content"])
    assert told == dict.fromkeys(cases, "Hello")
    assert {name: joined(sidecar, name, "stream/reasoning") for name in cases} == dict.fromkeys(cases, "Hmm.")


def test_an_answer_has_a_reason_to_finish(sidecar: Sidecar, serve: Serve) -> None:
    reasons = {
        "stop": "stop",
        "length": "length",
        "max_tokens": "length",
        "content_filter": "contentFilter",
        "tool_calls": "stop",
        "eos_token": "stop",
        "made up": "stop",
    }
    cases: dict[str, list[Any]] = {reason: [chunk("Hi"), chunk(finish=reason), DONE] for reason in reasons}
    cases["a number"] = [chunk("Hi"), chunk(finish=7), DONE]
    told = ask_each(sidecar, serve, cases, lambda result: result["finishReason"])
    assert told == {**reasons, "a number": "stop"}


def test_what_is_filtered_in_the_middle_is_not_an_error(sidecar: Sidecar, serve: Serve) -> None:
    items = [chunk("Hel"), chunk(refusal="I'm sorry"), chunk(refusal=", no."), *END]
    told = ask_each(sidecar, serve, {"a": items}, lambda result: (result["content"], result["finishReason"]))
    assert told == {"a": ("Hel", "contentFilter")}


def test_tokens_are_counted_by_the_server(sidecar: Sidecar, serve: Serve) -> None:
    details = {
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": None},
    }
    cases = {
        "plain": usage(),
        "details": usage(**details),
        "null": usage(prompt_tokens_details=None, completion_tokens_details={"reasoning_tokens": None}),
        "no total": usage(total_tokens=None),
        "too many": usage(prompt_tokens=2**64 - 1, completion_tokens=2**63, total_tokens=None),
        "nonsense": usage(prompt_tokens="many", completion_tokens=-1, total_tokens=1.5, prompt_tokens_details=[1]),
    }
    told = ask_each(
        sidecar,
        serve,
        {name: [chunk("Hi"), chunk(finish="stop"), item] for name, item in cases.items()},
        lambda result: result["usage"],
    )
    assert told == {
        "plain": USAGE,
        "details": {**USAGE, "cachedTokens": 8, "cacheWriteTokens": 2, "reasoningTokens": 2},
        "null": USAGE,
        "no total": USAGE,
        "too many": {**USAGE, "promptTokens": 0, "completionTokens": 0, "totalTokens": 0},
        "nonsense": {**USAGE, "promptTokens": 0, "completionTokens": 0, "totalTokens": 0},
    }


def test_tokens_that_nobody_counts_are_estimated(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE))
    counted = sidecar.call("chat/complete", ask(server.url, text="x" * 4000))["usage"]
    assert 900 < counted["promptTokens"] < 1100
    assert counted["completionTokens"] == 2
    assert counted["totalTokens"] == counted["promptTokens"] + 2
