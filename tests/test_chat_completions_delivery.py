"""Chat Completions on the way: how an answer arrives, and how it doesn't."""

import gzip
from collections.abc import Callable
from functools import partial

import pytest

from tests.providers.chat_completions import (
    DONE,
    END,
    HELLO,
    SSE,
    USAGE,
    Serve,
    answering,
    ask,
    call,
    chunk,
    cut_after,
    events,
    joined,
)
from tests.providers.server import Reply, Request
from tests.sidecar import WAIT_SECONDS, Sidecar

WIDE = "w\u00f6rld \u20ac \U0001f600\u2028."


@pytest.fixture
def sidecar(sidecar: Sidecar) -> Sidecar:
    """One that asks once: asking again is tested elsewhere."""
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    return sidecar


async def all_in_one(data: bytes, _request: Request, reply: Reply) -> None:
    await reply.send(body=data, headers=SSE)


async def with_windows_line_ends(data: bytes, _request: Request, reply: Reply) -> None:
    await reply.send(body=data.replace(b"\n", b"\r\n"), headers=SSE)


async def with_old_line_ends(data: bytes, _request: Request, reply: Reply) -> None:
    await reply.send(body=data.replace(b"\n", b"\r"), headers=SSE)


async def compressed(data: bytes, _request: Request, reply: Reply) -> None:
    await reply.send(body=gzip.compress(data), headers={**SSE, "Content-Encoding": "gzip"})


async def until_the_connection_ends(data: bytes, _request: Request, reply: Reply) -> None:
    await reply.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + data)
    reply.close()


def test_an_answer_is_read_however_it_is_delivered(sidecar: Sidecar, serve: Serve) -> None:
    data = events(chunk("Hello, "), chunk(WIDE), chunk(tool_calls=[call(0, "a", "find", "{}")]), *END)
    for deliver in (
        all_in_one,
        with_windows_line_ends,
        with_old_line_ends,
        compressed,
        until_the_connection_ends,
    ):
        server, name = serve(partial(deliver, data)), deliver.__name__
        result = sidecar.call("chat/complete", ask(server.url), request_id=name)
        assert result.get("content") == joined(sidecar, name) == f"Hello, {WIDE}", name
        assert (result["usage"], len(result["toolCalls"])) == (USAGE, 1), name


def test_an_answer_may_come_one_byte_per_packet(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        await reply.trickle(events({"choices": [{"delta": {"content": WIDE}}]}, DONE))
        await reply.end()

    assert sidecar.call("chat/complete", ask(serve(script).url))["content"] == WIDE


def test_a_character_may_be_split_between_packets(sidecar: Sidecar, serve: Serve) -> None:
    ahead, smiley = events(chunk("a")), events(chunk("\U0001f600"))
    for cut in range(1, 4):
        place = smiley.index("\U0001f600".encode()) + cut

        async def script(_request: Request, reply: Reply, place: int = place) -> None:
            await reply.send(headers=SSE, end=False)
            await reply.chunk(ahead + smiley[:place])
            await reply.hold()
            await reply.chunk(smiley[place:] + events(*END))
            await reply.end()

        server = serve(script)
        sidecar.request(cut, "chat/complete", ask(server.url))
        sidecar.wait_until(partial(sidecar.notifications, cut))  # the first half has been read
        server.release()
        assert sidecar.response(cut)["result"]["content"] == "a\U0001f600"


def test_a_connection_serves_more_than_one_question(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    for _ in range(3):
        assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    assert len(server.connections) == 1


def test_an_answer_is_complete_though_the_connection_is_held_open(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        await reply.chunk(events(*HELLO))
        await reply.hold()

    server = serve(script)
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    server.release()


def test_a_cancel_ends_the_connection(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        await reply.chunk(events(*HELLO[:2]))
        await reply.hold()

    server = serve(script)
    sidecar.request(1, "chat/complete", ask(server.url))
    sidecar.wait_until(partial(sidecar.notifications, 1, "stream/token"))
    sidecar.notify("$/cancelRequest", {"id": 1})
    data = sidecar.response(1)["error"]["data"]
    assert (data["kind"], data["partial"]) == ("cancelled", "Hel")
    assert server.connections[0].closed.wait(WAIT_SECONDS)


@pytest.mark.parametrize("cut", [Reply.reset, Reply.close], ids=["reset", "close"])
def test_a_connection_that_is_lost_interrupts_the_answer(
    sidecar: Sidecar, serve: Serve, cut: Callable[[Reply], None]
) -> None:
    server = serve(cut_after(HELLO[:3], cut))
    sidecar.request(1, "chat/complete", ask(server.url))
    sidecar.wait_for(lambda message: message.get("params", {}).get("token") == "lo")
    server.release()
    data = sidecar.response(1)["error"]["data"]
    assert (data["kind"], data["partial"], data["provider"]) == ("streamInterrupted", "Hello", "openai")

    server.script = cut_after(HELLO, cut)
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    server.release()

    async def script(_request: Request, reply: Reply) -> None:
        cut(reply)

    server.script = script
    assert sidecar.call("chat/complete", ask(server.url))["data"]["kind"] == "providerUnavailable"
    server.script = answering(*HELLO)
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


def test_an_answer_that_is_badly_compressed_is_an_interruption(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(body=b"\x1f\x8bno gzip", headers={**SSE, "Content-Encoding": "gzip"})

    assert sidecar.call("chat/complete", ask(serve(script).url))["data"]["kind"] == "streamInterrupted"
