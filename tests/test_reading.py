"""How long a provider may be silent, and what is left behind when it was for too long."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx2
import pytest

from ckservice.errors import ProviderUnavailable
from ckservice.llm.framing import Lines, Record
from ckservice.llm.reading import read
from ckservice.settings import LimitSettings
from ckservice.types import Done, StreamEvent
from tests.providers.ollama import NDJSON, answering, ask, last, lines, piece, sending
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import WAIT_SECONDS, Sidecar

SHORT_MS = 300
LONG_MS = 60_000
TICK_SECONDS = 0.05

Serve = Callable[[Script], Server]
Start = Callable[..., Sidecar]


@pytest.fixture
def sidecar(start: Start) -> Sidecar:
    """Development mode tells of what was forgotten: a socket left open, an iterator that nobody closed."""
    sidecar = start(env={"PYTHONDEVMODE": "1"})
    limit(sidecar)
    return sidecar


def limit(sidecar: Sidecar, first_token_ms: int = LONG_MS, idle_ms: int = LONG_MS, attempts: int = 1) -> None:
    limits = {"firstTokenTimeoutMs": first_token_ms, "idleTimeoutMs": idle_ms, "maxAttempts": attempts}
    sidecar.call("settings/update", {"limits": limits})


def failure(sidecar: Sidecar, server: Server, request_id: Any = None) -> dict[str, Any]:
    answer = sidecar.call("chat/complete", ask(server.url), request_id)
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    assert data["provider"] == "ollama"
    return data


def saying(*said: bytes, then: bytes = b"") -> Script:
    """A script that says something and then, again and again until the connection ends, the same thing or nothing."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        for data in said:
            await reply.chunk(data)
        while then:
            await reply.chunk(then)
            await asyncio.sleep(TICK_SECONDS)
        await reply.hold()

    return script


def closed(server: Server) -> bool:
    return server.request().connection.closed.wait(WAIT_SECONDS)


# Silence


async def nothing(_request: Request, reply: Reply) -> None:
    await reply.hold()


def test_an_answer_that_does_not_begin_is_given_up(sidecar: Sidecar, serve: Serve) -> None:
    limit(sidecar, first_token_ms=SHORT_MS, attempts=3)
    for script in (nothing, saying(), saying(then=b"\n"), saying(then=lines(piece())), saying(b'{"message"')):
        server = serve(script)
        data = failure(sidecar, server)
        assert (data["kind"], "partial" in data) == ("providerUnavailable", False)
        assert "too long" in data["userMessage"]
        assert closed(server)
        assert len(server.requests) == 1  # who has waited for so long is not made to wait as long again


def test_an_answer_that_stops_in_the_middle_is_given_up(sidecar: Sidecar, serve: Serve) -> None:
    limit(sidecar, idle_ms=SHORT_MS)
    begun = lines(piece("Hel"))
    for script in (saying(begun), saying(begun, then=b"\n"), saying(begun, then=lines(piece())), saying(begun + b"{")):
        server = serve(script)
        data = failure(sidecar, server)
        assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")
        assert closed(server)


def test_each_piece_gives_the_next_one_its_time(sidecar: Sidecar, serve: Serve) -> None:
    idle_ms, pieces = 500, 8

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        for place in range(pieces):
            await reply.chunk(lines(piece("x") if place % 2 else piece(thinking="x")))
            await asyncio.sleep(idle_ms / 1000 / (pieces / 2))
        await reply.chunk(lines(piece("!"), last()))
        await reply.end()

    limit(sidecar, first_token_ms=idle_ms, idle_ms=idle_ms)
    result = sidecar.call("chat/complete", ask(serve(script).url))
    assert result["content"].endswith("!")
    assert result["durationMs"] > idle_ms


def test_an_answer_without_end_is_ended(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        for _ in range(1_000):
            await reply.chunk(lines(piece("x")))
            await asyncio.sleep(0.02)

    sidecar.call("settings/update", {"limits": {"totalTimeoutMs": SHORT_MS}})
    server = serve(script)
    data = failure(sidecar, server)
    assert (data["kind"], set(data["partial"])) == ("streamInterrupted", {"x"})
    assert closed(server)


def test_a_host_that_rests_does_not_make_the_provider_silent(start: Start, serve: Serve) -> None:
    text, count = "x" * 100_000, 60
    body = (lines(piece(text)) + b"\n" * 200_000) * count + lines(last())  # more than pipes and buffers hold
    sent = threading.Event()

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        for place in range(0, len(body), 65536):
            await reply.chunk(body[place : place + 65536])
        sent.set()
        await reply.end()

    sidecar = start(read=False)
    sidecar.send(
        {
            "jsonrpc": "2.0",
            "id": 0,
            "method": "settings/update",
            "params": {"limits": {"idleTimeoutMs": SHORT_MS, "maxAttempts": 1}},
        }
    )
    server = serve(script)
    sidecar.request(1, "chat/complete", ask(server.url))
    assert not sent.wait(4 * SHORT_MS / 1000), "the host's rest must reach the server"
    sidecar.start_reading()
    response = sidecar.response(1)
    assert len(response["result"]["content"]) == count * len(text), response


# What stands where it should not


def test_what_stands_behind_the_last_line_does_no_harm(sidecar: Sidecar, serve: Serve) -> None:
    for tail in (b"garbage\n", b'{"error": "late"}\n', b'{"message"', b"\n\n"):
        server = serve(sending(200, lines(piece("Hello"), last()) + tail))
        assert sidecar.call("chat/complete", ask(server.url)).get("content") == "Hello", tail


def test_a_server_that_does_not_hang_up_holds_nothing_up(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(saying(lines(piece("Hello"), last())))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    assert closed(server)


def test_a_line_without_end_interrupts_the_answer(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(saying(lines(piece("Hel")), then=b"x" * 4_000_000))
    data = failure(sidecar, server)
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")
    assert closed(server)


def test_a_long_line_is_read(sidecar: Sidecar, serve: Serve) -> None:
    text = "x" * 2_000_000
    server = serve(answering(piece(text), last()))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == text


# What is left behind


def test_nothing_is_left_behind_by_a_cancel(sidecar: Sidecar, serve: Serve) -> None:
    for request_id, script in enumerate((nothing, saying(), saying(lines(piece("Hel"))))):
        server = serve(script)
        sidecar.request(request_id, "chat/complete", ask(server.url))
        server.request()
        sidecar.call("health/check")  # goes through the event loop, behind what the server has sent
        sidecar.notify("$/cancelRequest", {"id": request_id})
        assert sidecar.response(request_id)["error"]["data"]["kind"] == "cancelled"
        assert closed(server)
        server.script = answering(piece("Hello"), last())
        assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"
    assert sidecar.end() == 0
    assert not [line for line in sidecar.log if "Warning" in line or "never" in line or "exception" in line]


class Silent(httpx2.AsyncByteStream):
    """A body that never comes, though it is always about to."""

    has_come = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.has_come:
            await asyncio.sleep(0)
        yield b""


class NoReply:
    is_done = False

    def take(self, _record: Record) -> list[StreamEvent]:
        raise AssertionError

    def end(self) -> Done:
        raise AssertionError


@pytest.mark.source
@pytest.mark.parametrize("seconds", [0.01, 0.03], ids=["before", "after"])
@pytest.mark.parametrize("bound", [anyio.move_on_after, asyncio.timeout])
async def test_an_end_from_outside_at_the_very_same_time_is_not_lost(bound: Any, seconds: float) -> None:
    """Both are over when the event loop comes round to look: each end is undone by whoever has brought it about."""
    response = httpx2.Response(200, stream=Silent(), request=httpx2.Request("POST", "https://ollama.invalid/"))
    limits = LimitSettings(first_token_timeout_ms=20)
    asyncio.get_running_loop().call_later(0.005, time.sleep, 0.05)
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(TimeoutError, ProviderUnavailable):
        async with contextlib.AsyncExitStack() as stack:
            scope = bound(seconds)
            stack.enter_context(scope) if hasattr(scope, "__enter__") else await stack.enter_async_context(scope)
            async with contextlib.aclosing(
                read(response, Lines(), NoReply(), provider="ollama", limits=limits)
            ) as events:
                await anext(events)
    assert task.cancelling() == 0
    await anyio.sleep(0.001)
