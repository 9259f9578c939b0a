"""Requests that end early, with every adapter in every phase: the host is answered, the server sees the connection go."""

import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.providers.adapters import (
    ADAPTERS,
    Adapter,
    each_adapter,
    holding,
    in_turn,
    joined,
    limited,
    sending,
    warm,
)
from tests.providers.process import running
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import WAIT_SECONDS, Sidecar, wait_until

Serve = Callable[[Script], Server]

CLOSE_SECONDS = 1.0
"""The target is 250 ms; this bound is for a machine that does other things too."""

DEADLINE_MS = 1000
SHORT_MS = 150
REST_SECONDS = 0.5
LONG_PIECE = "x" * 65_536
MANY_PIECES = 50
"""Of these, which is more than is kept for a host that doesn't read."""

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        warm(process)
        yield process


PHASES: dict[str, tuple[Callable[[Adapter], Script], str | None]] = {
    "before the head": (lambda _: holding, None),
    "before the first piece": (lambda adapter: adapter.pausing(), None),
    "streaming": (lambda adapter: adapter.pausing("Hel"), "Hel"),
}
"""What the server does, and the text that has come by then."""

each_phase = pytest.mark.parametrize("phase", PHASES)


def wait_for_phase(sidecar: Sidecar, server: Server, request_id: str, partial: str | None) -> None:
    server.request()
    sidecar.wait_until(lambda: joined(sidecar, request_id) == (partial or ""))
    sidecar.call("health/check")  # goes through the event loop, behind what the server has sent


def assert_closed(server: Server, since: float, place: int = 0) -> None:
    connection = server.request(place).connection
    assert connection.closed.wait(CLOSE_SECONDS), "the connection is still open"
    assert connection.closed_at - since < CLOSE_SECONDS


def cancel(sidecar: Sidecar, request_id: str) -> Any:
    """Cancel a request; what it is answered with, which has to come soon."""
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": request_id})
    data = sidecar.response(request_id)["error"]["data"]
    assert data["kind"] == "cancelled"
    assert time.monotonic() - before < CLOSE_SECONDS
    return data


# The host cancels


@each_adapter
@each_phase
def test_a_cancel_closes_the_connection(sidecar: Sidecar, serve: Serve, adapter: Adapter, phase: str) -> None:
    script, partial = PHASES[phase]
    server, request_id = serve(script(adapter)), f"cancel {phase} {adapter}"
    sidecar.request(request_id, "chat/complete", adapter.ask(server.url))
    wait_for_phase(sidecar, server, request_id, partial)
    before = time.monotonic()
    assert cancel(sidecar, request_id).get("partial") == partial
    assert_closed(server, before)
    server.script = adapter.hello()
    assert sidecar.call("chat/complete", adapter.ask(server.url))["content"] == "Hello"


@each_adapter
def test_a_cancel_while_the_connection_is_made(sidecar: Sidecar, adapter: Adapter) -> None:
    """The server accepts, and says nothing to the greeting of TLS."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(WAIT_SECONDS)
        request_id = f"connect {adapter}"
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        sidecar.request(request_id, "chat/complete", adapter.ask(url))
        with closing(listener.accept()[0]) as connection:
            connection.settimeout(CLOSE_SECONDS)
            assert connection.recv(1) == b"\x16", "a handshake"
            cancel(sidecar, request_id)
            while connection.recv(4096):
                pass


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse connections that nobody accepts")
@each_adapter
def test_a_cancel_while_nobody_accepts(sidecar: Sidecar, adapter: Adapter) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        for _ in range(4):  # the queue is full, and the kernel answers nobody else
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        request_id = f"accept {adapter}"
        sidecar.request(request_id, "chat/complete", adapter.ask(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        sidecar.call("health/check")
        cancel(sidecar, request_id)


@each_adapter
def test_a_cancel_between_two_tries(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server, request_id = serve(sending(503, adapter.speech.refusal(503), Retry_After="50")), f"tries {adapter}"
    with limited(sidecar, maxAttempts=2):
        sidecar.request(request_id, "chat/complete", adapter.ask(server.url))
        sidecar.wait_until(lambda: sidecar.notifications(request_id, "stream/progress"))
    cancel(sidecar, request_id)
    assert len(server.requests) == 1


@each_adapter
def test_a_cancel_of_a_repair(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    unfit = adapter.saying(adapter.speech.text('{"age": "old"}'))
    server, request_id = serve(in_turn(unfit, holding)), f"repair {adapter}"
    sidecar.request(request_id, "chat/complete", adapter.ask(server.url, responseFormat=FORM))
    server.request(1)
    before = time.monotonic()
    cancel(sidecar, request_id)
    assert_closed(server, before, place=1)


@each_adapter
def test_the_end_of_one_answer_leaves_the_others_alone(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(adapter.pausing("Hel"))
    one, other = (f"{which} {adapter}" for which in ("one", "other"))
    for place, request_id in enumerate((one, other)):
        sidecar.request(request_id, "chat/complete", adapter.ask(server.url))
        server.request(place)
    sidecar.wait_until(lambda: all(joined(sidecar, request_id) for request_id in (one, other)))
    before = time.monotonic()
    cancel(sidecar, one)
    assert_closed(server, before)
    assert not server.requests[1].connection.closed.is_set()
    cancel(sidecar, other)


def test_a_cancel_while_the_host_hardly_reads(sidecar: Sidecar, serve: Serve) -> None:
    """Of all adapters at one time. Nobody reads from the provider either, once enough is waiting for the host."""
    told: Counter[Adapter] = Counter()

    def talking(adapter: Adapter) -> Script:
        async def script(_request: Request, reply: Reply) -> None:
            await reply.send(headers=adapter.speech.headers, end=False)
            for packet in (*adapter.speech.begin, *adapter.speech.unfinished(*[LONG_PIECE] * 1000)):
                await reply.chunk(packet)
                told[adapter] += 1

        return script

    servers = {adapter: serve(talking(adapter)) for adapter in ADAPTERS}
    sidecar.rest_seconds = REST_SECONDS
    for adapter, server in servers.items():
        sidecar.request(f"slow {adapter}", "chat/complete", adapter.ask(server.url))
    wait_until(lambda: all(told[adapter] > MANY_PIECES for adapter in ADAPTERS))
    before = time.monotonic()
    for adapter in ADAPTERS:
        sidecar.notify("$/cancelRequest", {"id": f"slow {adapter}"})
    for server in servers.values():
        assert_closed(server, before)
    sidecar.rest_seconds = 0
    for adapter in ADAPTERS:
        assert sidecar.response(f"slow {adapter}")["error"]["data"]["kind"] == "cancelled"


# Time is up


def test_a_deadline_while_the_connection_is_made(sidecar: Sidecar) -> None:
    """Of all adapters at one time."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(WAIT_SECONDS)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        for adapter in ADAPTERS:
            sidecar.request(f"late {adapter}", "chat/complete", adapter.ask(url, _meta={"timeoutMs": DEADLINE_MS}))
        for adapter in ADAPTERS:
            assert sidecar.response(f"late {adapter}")["error"]["data"]["kind"] == "deadlineExceeded"
        for _ in ADAPTERS:
            with closing(listener.accept()[0]) as connection:
                connection.settimeout(CLOSE_SECONDS)
                while connection.recv(4096):
                    pass


def test_a_deadline_closes_the_connection(sidecar: Sidecar, serve: Serve) -> None:
    """Of all adapters in all phases at one time: it takes a while to pass."""
    servers = {(adapter, phase): serve(PHASES[phase][0](adapter)) for adapter in ADAPTERS for phase in PHASES}
    for (adapter, phase), server in servers.items():
        params = adapter.ask(server.url, _meta={"timeoutMs": DEADLINE_MS})
        sidecar.request(f"deadline {phase} {adapter}", "chat/complete", params)
    for (adapter, phase), server in servers.items():
        data = sidecar.response(f"deadline {phase} {adapter}")["error"]["data"]
        assert (data["kind"], data.get("partial")) == ("deadlineExceeded", PHASES[phase][1]), (adapter, phase)
        assert_closed(server, server.request().at + DEADLINE_MS / 1000)


@each_adapter
@pytest.mark.parametrize(
    "begin", [lambda _: holding, Adapter.pausing, Adapter.breathing], ids=["hold", "pause", "breathe"]
)
def test_a_first_piece_that_is_too_long_in_coming(
    sidecar: Sidecar, serve: Serve, adapter: Adapter, begin: Callable[[Adapter], Script]
) -> None:
    server = serve(begin(adapter))
    with limited(sidecar, firstTokenTimeoutMs=SHORT_MS):
        data = sidecar.call("chat/complete", adapter.ask(server.url))["data"]
    assert (data["kind"], data["provider"], data.get("partial")) == ("providerUnavailable", adapter.provider, None)
    assert_closed(server, time.monotonic())


@each_adapter
def test_an_explanation_that_does_not_end_is_not_waited_for(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(500, end=False)
        await reply.hold()

    server = serve(script)
    data = sidecar.call("chat/complete", adapter.ask(server.url))["data"]
    assert (data["kind"], data["provider"]) == ("providerUnavailable", adapter.provider)
    assert_closed(server, time.monotonic())


@each_adapter
@pytest.mark.parametrize("begin", [Adapter.pausing, Adapter.breathing], ids=["pause", "breathe"])
def test_a_silence_in_the_middle_is_not_endured(
    sidecar: Sidecar, serve: Serve, adapter: Adapter, begin: Callable[[Adapter, str], Script]
) -> None:
    server = serve(begin(adapter, "Hel"))
    with limited(sidecar, idleTimeoutMs=SHORT_MS):
        data = sidecar.call("chat/complete", adapter.ask(server.url))["data"]
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")
    assert_closed(server, time.monotonic())


@each_adapter
def test_a_slow_beginning_is_waited_for(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    """The time between two pieces has not begun before the first one has come."""

    async def script(request: Request, reply: Reply) -> None:
        await reply.send(headers=adapter.speech.headers, end=False)
        while time.monotonic() - request.at < 2 * SHORT_MS / 1000:
            await reply.trickle(adapter.speech.silence)
        for packet in (*adapter.speech.begin, *adapter.speech.text("Hel", "lo"), *adapter.speech.end()):
            await reply.chunk(packet)
        await reply.end()

    with limited(sidecar, idleTimeoutMs=SHORT_MS):
        assert sidecar.call("chat/complete", adapter.ask(serve(script).url))["content"] == "Hello"


# The process ends


def test_a_shutdown_closes_all_connections(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, serve: Serve
) -> None:
    servers = {(adapter, phase): serve(PHASES[phase][0](adapter)) for adapter in ADAPTERS for phase in PHASES}
    with running(request.config, tmp_path_factory.mktemp("data")) as sidecar:
        for (adapter, phase), server in servers.items():
            sidecar.request(f"{phase} {adapter}", "chat/complete", adapter.ask(server.url))
        for (adapter, phase), server in servers.items():
            wait_for_phase(sidecar, server, f"{phase} {adapter}", PHASES[phase][1])
        before = time.monotonic()
        assert sidecar.call("shutdown", {"graceMs": 50}) == {}
        for (adapter, phase), server in servers.items():
            data = sidecar.response(f"{phase} {adapter}")["error"]["data"]
            assert (data["kind"], data.get("partial")) == ("shuttingDown", PHASES[phase][1]), (adapter, phase)
            assert_closed(server, before)
