"""What every adapter makes of a failure: a kind, the text so far, and nothing that is nobody's business."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from ckservice.protocol.errors import INVALID_OUTPUT, PROVIDER_KINDS
from tests.providers.adapters import (
    ADAPTERS,
    KEY,
    Adapter,
    each_adapter,
    in_turn,
    joined,
    limited,
    sending,
    wait_for_the_silent,
)
from tests.providers.process import running
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

CANARY = "canary-question-666777888"
HTML = b"<!doctype html>\n<html><body>Welcome to nginx!</body></html>\n"
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FORM = {"type": "json_schema", "name": "form", "schema": SCHEMA}
MEGABYTE = b"x" * 1024 * 1024
MOST_MEGABYTES = 160
"""What an endless answer may add to the memory of the process, copies of it included."""


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


@dataclass(frozen=True)
class Failure:
    """One way to fail.

    Attributes:
        kind: of the error.
        script: what the server does; `None` for an adapter whose server does no such thing.
        partial: the text that has come before.
        is_retryable: whether the same request may succeed later.
        status: that the error names.
        config: what the config holds instead of what it should.
        params: more to ask.
        asked: how many requests the server sees.
    """

    kind: str
    script: Callable[[Adapter], Script | None]
    partial: str | None = None
    is_retryable: bool = False
    status: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    asked: int = 1


def status(status: int, kind: str, *, is_retryable: bool = False, **headers: str) -> Failure:
    """A refusal in the words that go with a status."""
    return Failure(
        kind,
        lambda adapter: sending(status, adapter.speech.refusal(status), **headers),
        is_retryable=is_retryable,
        status=status,
    )


def refusal(kind: str) -> Failure:
    """A refusal whose words say more than its status."""

    def script(adapter: Adapter) -> Script | None:
        found = adapter.speech.refusals.get(kind)
        return None if found is None else sending(*found)

    return Failure(kind, script)


def page(status: int, body: bytes, kind: str = "providerRejected", *, content_type: str = "text/html") -> Failure:
    """An answer of somebody who is no such provider."""
    return Failure(kind, lambda _: sending(status, body, Content_Type=content_type))


def broken(kind: str, *parts: str, is_retryable: bool = True, partial: str | None = None) -> Failure:
    """A stream of parts of what a server says."""

    def script(adapter: Adapter) -> Script | None:
        said = {"text": adapter.speech.unfinished("Hel", "lo")}
        packets = [said.get(part) or getattr(adapter.speech, part) for part in parts]
        return None if None in packets else adapter.streaming(*packets)

    return Failure(kind, script, is_retryable=is_retryable, partial=partial)


def misconfigured(**config: Any) -> Failure:
    """A config that can't be used: nobody is asked."""
    return Failure("providerNotConfigured", lambda adapter: adapter.hello(), config=config, asked=0)


def lost(kind: str, cut: Callable[[Reply], None], *, after_head: bool) -> Failure:
    """A connection that ends before the first piece of an answer."""

    def script(adapter: Adapter) -> Script:
        async def _script(_request: Request, reply: Reply) -> None:
            if after_head:
                await reply.send(headers=adapter.speech.headers, end=False)
                for packet in (*adapter.speech.begin, adapter.speech.silence):
                    await reply.chunk(packet)
            cut(reply)

        return _script

    return Failure(kind, script, is_retryable=True)


def compressed_badly(status: int) -> Callable[[Adapter], Script]:
    def script(adapter: Adapter) -> Script:
        async def _script(_request: Request, reply: Reply) -> None:
            headers = {**adapter.speech.headers, "Content-Encoding": "gzip"}
            await reply.send(status, body=b"\x1f\x8bno gzip", headers=headers)

        return _script

    return script


def unfit(adapter: Adapter) -> Script:
    return adapter.saying(adapter.speech.text('{"age": "old"}'))


FAILURES = {
    "401": status(401, "authenticationFailed"),
    "403": status(403, "authenticationFailed"),
    "408": status(408, "providerUnavailable", is_retryable=True),
    "413": status(413, "contextWindowExceeded"),
    "418": status(418, "providerRejected"),
    "429": status(429, "rateLimited", is_retryable=True),
    "429 with a long wait": status(429, "rateLimited", is_retryable=True, Retry_After="3600"),
    "500": status(500, "providerUnavailable", is_retryable=True),
    "503": status(503, "providerUnavailable", is_retryable=True),
    "529": status(529, "providerUnavailable", is_retryable=True),
    "no such model": refusal("modelNotFound"),
    "prompt too long": refusal("contextWindowExceeded"),
    "quota used up": refusal("quotaExceeded"),
    "prompt filtered": refusal("contentFiltered"),
    "bad request": refusal("providerRejected"),
    "model refuses": broken("contentFiltered", "begin", "refuses", is_retryable=False),
    "web page": page(200, HTML),
    "web page with 404": page(404, HTML),
    "web page with 403": page(403, HTML),
    "JSON of somebody else": page(200, b'{"status": "ok"}', content_type="application/json"),
    "body that is no JSON": page(200, b'{"model', content_type="application/json"),
    "list": page(200, b"[1]", content_type="application/json"),
    "error before text": broken("providerUnavailable", "begin", "breaks"),
    "error after text": broken("streamInterrupted", "begin", "text", "breaks", partial="Hello"),
    "clean end": broken("streamInterrupted", "begin", "text", partial="Hello"),
    "empty stream": broken("streamInterrupted"),
    "bad compression": Failure("streamInterrupted", compressed_badly(200), is_retryable=True),
    "500, badly compressed": Failure("providerUnavailable", compressed_badly(500), is_retryable=True, status=500),
    "reset before the head": lost("providerUnavailable", Reply.reset, after_head=False),
    "close before the head": lost("providerUnavailable", Reply.close, after_head=False),
    "reset before the first piece": lost("streamInterrupted", Reply.reset, after_head=True),
    "close before the first piece": lost("streamInterrupted", Reply.close, after_head=True),
    "endpoint without scheme": misconfigured(endpoint="127.0.0.1:1/v1"),
    "endpoint without host": misconfigured(endpoint="http://"),
    "endpoint with another scheme": misconfigured(endpoint="ftp://127.0.0.1"),
    "port that is none": misconfigured(endpoint="http://127.0.0.1:99999"),
    "port that is a word": misconfigured(endpoint="http://127.0.0.1:port"),
    "key of two lines": misconfigured(apiKey=f"{KEY}\nX-Injected: 1"),
    "header of two lines": misconfigured(headers={"X-Gateway": "a\r\nX-Injected: 1"}),
    "nobody there": Failure(
        "providerUnavailable",
        lambda adapter: adapter.hello(),
        config={"endpoint": f"http://127.0.0.1:{closed_port()}/openai/v1"},
        is_retryable=True,
        asked=0,
    ),
    "answer that never fits": Failure(
        "invalidOutput", unfit, is_retryable=True, params={"responseFormat": FORM}, asked=3
    ),
}

CASES = [
    pytest.param(adapter, failure, id=f"{name}-{adapter}")
    for name, failure in FAILURES.items()
    for adapter in ADAPTERS
    if failure.script(adapter) is not None
]


@pytest.mark.parametrize(("adapter", "failure"), CASES)
def test_a_failure_has_its_kind(sidecar: Sidecar, serve: Serve, adapter: Adapter, failure: Failure) -> None:
    script = failure.script(adapter)
    assert script is not None
    server = serve(script)
    params = adapter.ask(server.url, CANARY, config=failure.config, **failure.params)
    error = sidecar.call("chat/complete", params)
    assert "data" in error, error
    data = error["data"]
    assert (data["kind"], data.get("partial")) == (failure.kind, failure.partial)
    assert data["retryable"] is failure.is_retryable
    assert data["userMessage"].endswith(".")
    assert data.get("provider", adapter.provider) == adapter.provider
    assert len(server.requests) == failure.asked
    if failure.status is not None:
        assert data["httpStatus"] == failure.status
    assert CANARY not in str(error)
    if not failure.asked:
        wait_for_the_silent(server)


def test_each_kind_comes_from_a_real_provider() -> None:
    """`invalidOutput` beside all those that are about providers."""
    kinds = {kind.name for kind in (*PROVIDER_KINDS, INVALID_OUTPUT)}
    assert kinds <= {failure.kind for failure in FAILURES.values()}
    for failure in FAILURES.values():
        assert any(failure.script(adapter) for adapter in ADAPTERS)


@each_adapter
def test_text_of_somebody_else_is_no_answer(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    """It may be taken for the stump of one."""
    server = serve(sending(200, b"It works!", Content_Type="text/plain"))
    error = sidecar.call("chat/complete", adapter.ask(server.url))
    assert error["data"]["kind"] in ("providerRejected", "streamInterrupted")


@each_adapter
def test_a_long_wait_is_told(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    server = serve(sending(429, adapter.speech.refusal(429), Retry_After="3600"))
    with limited(sidecar, maxAttempts=3):
        data = sidecar.call("chat/complete", adapter.ask(server.url))["data"]
    assert (data["kind"], len(server.requests)) == ("rateLimited", 1)
    assert 3_590_000 < data["retryAfterMs"] <= 3_600_000


@each_adapter
@pytest.mark.parametrize("cut", [Reply.reset, Reply.close], ids=["reset", "close"])
def test_a_connection_that_is_lost_keeps_the_text_so_far(
    sidecar: Sidecar, serve: Serve, adapter: Adapter, cut: Callable[[Reply], None]
) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=adapter.speech.headers, end=False)
        for packet in (*adapter.speech.begin, *adapter.speech.unfinished("Hel")):
            await reply.chunk(packet)
        await reply.hold()
        cut(reply)

    server, request_id = serve(script), f"{cut.__name__} {adapter}"
    sidecar.request(request_id, "chat/complete", adapter.ask(server.url))
    sidecar.wait_until(lambda: joined(sidecar, request_id) == "Hel")
    server.release()
    data = sidecar.response(request_id)["error"]["data"]
    assert (data["kind"], data["partial"], data["provider"]) == ("streamInterrupted", "Hel", adapter.provider)


@each_adapter
@pytest.mark.parametrize("failure", ["503", "error before text", "reset before the first piece"])
def test_what_may_pass_is_asked_again(sidecar: Sidecar, serve: Serve, adapter: Adapter, failure: str) -> None:
    first = FAILURES[failure].script(adapter)
    assert first is not None
    server, request_id = serve(in_turn(first, adapter.hello())), f"again {failure} {adapter}"
    with limited(sidecar, maxAttempts=2):
        result = sidecar.call("chat/complete", adapter.ask(server.url), request_id)
    assert (result["content"], result["attempts"], len(server.requests)) == ("Hello", 2, 2)
    progress = [message["params"]["phase"] for message in sidecar.notifications(request_id, "stream/progress")]
    assert progress == ["retry"]


@each_adapter
def test_what_will_not_pass_is_asked_once(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    for failure in ("401", "no such model", "prompt too long", "quota used up", "web page"):
        script = FAILURES[failure].script(adapter)
        assert script is not None
        server = serve(script)
        with limited(sidecar, maxAttempts=2):
            data = sidecar.call("chat/complete", adapter.ask(server.url))["data"]
        assert (data["kind"], len(server.requests)) == (FAILURES[failure].kind, 1)


@each_adapter
def test_a_line_without_end_takes_no_memory_without_end(sidecar: Sidecar, serve: Serve, adapter: Adapter) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=adapter.speech.headers, end=False)
        for packet in (*adapter.speech.begin, *adapter.speech.unfinished("Hel")):
            await reply.chunk(packet)
        while True:
            await reply.chunk(MEGABYTE)

    process = psutil.Process(sidecar.process.pid)
    before = process.memory_info().rss
    server = serve(script)
    data = sidecar.call("chat/complete", adapter.ask(server.url))["data"]
    assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")
    assert (process.memory_info().rss - before) / len(MEGABYTE) < MOST_MEGABYTES
    assert server.request().connection.closed.wait(1), "the connection is still open"
