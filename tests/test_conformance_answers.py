"""What every adapter makes of an answer, and of what it is to ask: one behaviour a test, one adapter a case."""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers.adapters import ADAPTERS, Adapter, each_adapter, in_turn, joined, sending
from tests.providers.process import running
from tests.providers.server import PACKET_SECONDS, Reply, Request, Script, Server
from tests.providers.speech import MODEL, Call
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

WIDE = "w\u00f6rld \u20ac \U0001f600\u2028."
FIND: Call = ("call_1", "find", {"q": WIDE, "deep": {"n": [1, 2.5, None]}})
LOOK: Call = ("call_2", "look", {"at": "b"})
TOOLS = [
    {"name": name, "description": name.title(), "parameters": {"type": "object", "properties": {}}}
    for name in ("find", "look")
]
SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}


each_ending = pytest.mark.parametrize(
    ("adapter", "reason"),
    [
        pytest.param(adapter, reason, id=f"{reason}-{adapter}")
        for reason in ("length", "contentFilter")
        for adapter in ADAPTERS
        if reason == "length" or adapter.speech.refuses is not None
    ],
)


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def chat(sidecar: Sidecar, adapter: Adapter, server: Server, **params: Any) -> Any:
    """The result of a chat."""
    result = sidecar.call("chat/complete", adapter.ask(server.url, **params), params.pop("request_id", None))
    assert "content" in result, result
    return result


# Text


@each_adapter
def test_text_is_passed_on_piece_by_piece(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    request_id = f"text {adapter}"
    result = sidecar.call("chat/complete", adapter.ask(server.url), request_id)
    sent = [(message["method"], message["params"]["seq"]) for message in sidecar.notifications(request_id)]
    assert sent == [("stream/token", 0), ("stream/token", 1), ("stream/usage", 2)]
    tokens = [message["params"] for message in sidecar.notifications(request_id, "stream/token")]
    assert [(token["token"], token["tokenIndex"]) for token in tokens] == [("Hel", 0), ("lo", 1)]
    assert (result["content"], result["finishReason"], result["toolCalls"]) == ("Hello", "stop", [])
    assert (result["provider"], result["model"], result["attempts"]) == (adapter.provider, MODEL, 1)
    assert result["usage"] == adapter.speech.usage
    assert sidecar.notifications(request_id, "stream/usage")[0]["params"]["usage"] == result["usage"]


@each_adapter
def test_reasoning_is_told_apart_from_text(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.saying(adapter.speech.reasoning("Let me ", "see."), adapter.speech.text("Hel", "lo")))
    request_id = f"reasoning {adapter}"
    result = sidecar.call("chat/complete", adapter.ask(server.url), request_id)
    assert (result["content"], joined(sidecar, request_id)) == ("Hello", "Hello")
    assert joined(sidecar, request_id, "stream/reasoning") == "Let me see."
    methods = [message["method"] for message in sidecar.notifications(request_id)]
    assert methods == sorted(methods, key=["stream/reasoning", "stream/token", "stream/usage"].index)


@each_ending
def test_an_answer_that_ends_early_says_why(sidecar: Sidecar, serve: Serve, adapter: Adapter, reason: str) -> None:
    server = serve(adapter.saying(adapter.speech.text("Hel", "lo"), end=reason))
    result = chat(sidecar, adapter, server)
    assert (result["content"], result["finishReason"], result["usage"]) == ("Hello", reason, adapter.speech.usage)


# Tools


@each_adapter
@pytest.mark.parametrize("calls", [[FIND], [FIND, LOOK]], ids=["one", "two"])
def test_tool_calls_come_whole(sidecar: Sidecar, serve: Serve, adapter: Adapter, calls: list[Call]) -> None:
    said = [adapter.speech.text("Wait."), adapter.speech.calls(*calls)]
    result = chat(sidecar, adapter, serve(adapter.saying(*said, end="toolCalls")), tools=TOOLS)
    assert (result["content"], result["finishReason"]) == ("Wait.", "toolCalls")
    assert [(call["id"], call["name"], call["arguments"]) for call in result["toolCalls"]] == calls


@each_adapter
def test_the_results_of_tools_are_told_back(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    answer = adapter.saying(adapter.speech.reasoning("Hm."), adapter.speech.calls(FIND, LOOK), end="toolCalls")
    server = serve(in_turn(answer, adapter.hello()))
    asked = adapter.ask(server.url, tools=TOOLS)
    calls = sidecar.call("chat/complete", asked)["toolCalls"]
    asked["messages"] += [
        {"role": "assistant", "content": "", "toolCalls": calls},
        {"role": "tool", "content": "found", "toolCallId": "call_1"},
        {"role": "tool", "content": "seen", "toolCallId": "call_2"},
    ]
    assert sidecar.call("chat/complete", asked)["content"] == "Hello"
    body = server.requests[1].json
    assert adapter.speech.told_calls(body) == [FIND, LOOK]
    assert adapter.speech.told_results(body) == [("call_1", "found"), ("call_2", "seen")]


@each_adapter
def test_arguments_that_are_cut_off_are_never_passed_on(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    packets = [*adapter.speech.begin, *adapter.speech.text("Wait."), *adapter.speech.calls(FIND)]
    server = serve(adapter.streaming(packets[:-1]))
    error = sidecar.call("chat/complete", adapter.ask(server.url, tools=TOOLS))
    assert (error["data"]["kind"], error["data"]["partial"]) == ("streamInterrupted", "Wait.")


# Forms


@each_adapter
def test_a_form_is_enforced_where_the_provider_can(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.saying(adapter.speech.text('{"age"', ": 7}")))
    result = chat(sidecar, adapter, server, responseFormat=FORM)
    assert (result["content"], result["parsed"], result["attempts"]) == ('{"age": 7}', {"age": 7}, 1)
    assert adapter.speech.asked_form(server.requests[0].json) == SCHEMA


@each_adapter
def test_a_form_that_is_refused_is_asked_for_in_the_prompt(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    refuse, say = sending(*adapter.speech.refusals["form"]), adapter.saying(adapter.speech.text('{"age": 7}'))

    async def script(request: Request, reply: Reply) -> None:
        await (refuse if adapter.speech.asked_form(request.json) else say)(request, reply)

    server = serve(script)
    for _ in range(2):
        assert chat(sidecar, adapter, server, responseFormat=FORM)["parsed"] == {"age": 7}
    *steps, first, second = server.requests
    assert steps, "the provider was not asked to enforce it"
    assert all(adapter.speech.asked_form(step.json) == SCHEMA for step in steps), "what it refused is remembered"
    for asked in (first, second):
        assert adapter.speech.asked_form(asked.json) is None
        assert b"additionalProperties" in asked.body


@each_adapter
def test_an_answer_without_its_form_is_repaired(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    said = (adapter.saying(adapter.speech.text(text)) for text in ('{"age": "old"}', '{"age": 7}'))
    server = serve(in_turn(*said))
    result = chat(sidecar, adapter, server, responseFormat=FORM)
    assert (result["parsed"], result["attempts"], len(server.requests)) == ({"age": 7}, 2, 2)
    assert result["usage"]["promptTokens"] == 2 * adapter.speech.usage["promptTokens"]
    assert b"$.age" in server.requests[1].body


@each_ending
def test_what_was_cut_is_not_repaired(sidecar: Sidecar, serve: Serve, adapter: Adapter, reason: str) -> None:
    server = serve(adapter.saying(adapter.speech.text('{"age"'), end=reason))
    result = chat(sidecar, adapter, server, responseFormat=FORM)
    assert (result.get("parsed"), result["finishReason"], len(server.requests)) == (None, reason, 1)


# How it arrives


async def in_one_packet(reply: Reply, headers: dict[str, str], data: bytes) -> None:
    await reply.send(body=data, headers=headers)


async def compressed(reply: Reply, headers: dict[str, str], data: bytes) -> None:
    await reply.send(body=gzip.compress(data), headers={**headers, "Content-Encoding": "gzip"})


async def with_windows_line_ends(reply: Reply, headers: dict[str, str], data: bytes) -> None:
    await reply.send(body=data.replace(b"\n", b"\r\n"), headers=headers)


async def until_the_connection_ends(reply: Reply, headers: dict[str, str], data: bytes) -> None:
    kind = headers["Content-Type"].encode()
    await reply.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: " + kind + b"\r\n\r\n" + data)
    reply.close()


@each_adapter
@pytest.mark.parametrize(
    "deliver",
    [in_one_packet, compressed, with_windows_line_ends, until_the_connection_ends],
    ids=lambda deliver: deliver.__name__,
)
def test_an_answer_is_read_however_it_comes(
    sidecar: Sidecar, serve: Serve, adapter: Adapter, deliver: Callable[..., Any]
) -> None:
    speech = adapter.speech
    data = speech.silence.join([*speech.begin, *speech.text("Hello, ", WIDE), *speech.end()])
    server = serve(lambda _request, reply: deliver(reply, speech.headers, data))
    result = chat(sidecar, adapter, server)
    assert (result["content"], result["finishReason"]) == (f"Hello, {WIDE}", "stop")


def dripping(adapter: Adapter) -> Script:
    """A script that answers with one byte in a packet."""
    speech = adapter.speech
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {speech.headers['Content-Type']}\r\n\r\n"
    data = b"".join([*speech.begin, *speech.text(WIDE), *speech.end()])

    async def script(_request: Request, reply: Reply) -> None:
        await reply.raw(head.encode())
        for byte in data:
            await reply.raw(bytes([byte]))
            await asyncio.sleep(PACKET_SECONDS)
        reply.close()

    return script


def test_an_answer_may_come_byte_by_byte(sidecar: Sidecar, serve: Serve) -> None:
    """From all at one time: it takes seconds."""
    for adapter in ADAPTERS:
        sidecar.request(f"bytes {adapter}", "chat/complete", adapter.ask(serve(dripping(adapter)).url))
    for adapter in ADAPTERS:
        assert sidecar.response(f"bytes {adapter}")["result"]["content"] == WIDE


@each_adapter
def test_a_character_may_be_split_between_packets(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    """And what stands before it is passed on at once."""
    speech, smiley = adapter.speech, "\U0001f600"
    data = b"".join([*speech.begin, *speech.text("a", smiley), *speech.end()])
    place = data.index(smiley.encode()) + 2

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=speech.headers, end=False)
        await reply.chunk(data[:place])
        await reply.hold()
        await reply.chunk(data[place:])
        await reply.end()

    server, request_id = serve(script), f"split {adapter}"
    sidecar.request(request_id, "chat/complete", adapter.ask(server.url))
    sidecar.wait_until(lambda: joined(sidecar, request_id) == "a")
    server.release()
    assert sidecar.response(request_id)["result"]["content"] == f"a{smiley}"


@each_adapter
@pytest.mark.parametrize("cut", [None, Reply.reset, Reply.close], ids=["held open", "reset", "close"])
def test_what_happens_behind_the_end_does_no_harm(
    sidecar: Sidecar, serve: Serve, adapter: Adapter, cut: Callable[[Reply], None] | None
) -> None:
    speech = adapter.speech

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=speech.headers, end=False)
        await reply.chunk(b"".join([*speech.begin, *speech.text("Hel", "lo"), *speech.end()]))
        await reply.hold()
        if cut is not None:
            cut(reply)

    server, request_id = serve(script), f"behind {adapter} {cut}"
    sidecar.request(request_id, "chat/complete", adapter.ask(server.url))
    sidecar.wait_until(lambda: joined(sidecar, request_id) == "Hello")
    if cut is not None:
        server.release()
    assert sidecar.response(request_id)["result"]["content"] == "Hello"


@each_adapter
def test_a_connection_serves_more_than_one_question(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.hello())
    for _ in range(3):
        assert chat(sidecar, adapter, server)["content"] == "Hello"
    assert len(server.connections) == 1
