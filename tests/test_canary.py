"""Keys and passwords, given in every way and to providers that fail in every way, and then looked for everywhere."""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar, question

Start = Callable[..., Sidecar]
Serve = Callable[[Script], Server]

PROVIDERS = ("openai", "azure-openai", "anthropic", "ollama")
WRONG_ENDS = ("\n", "\r\nX-More: 1", "\x00", "é", "😀", '"\\', " x")


class Canaries:
    """Secrets that occur nowhere else."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def new(self, route: str) -> str:
        self.all.append(f"canary{route}{secrets.token_hex(8)}")
        return self.all[-1]

    def assert_not_in(self, data: bytes, place: str) -> None:
        for canary in self.all:
            pair = base64.b64encode(f"user:{canary}".encode())
            reversed_pair = base64.b64encode(f"{canary}:".encode())
            for form in (
                canary.encode(),
                canary.encode().hex().encode(),
                pair,
                reversed_pair,
                canary.encode("utf-16-le"),
            ):
                start = data.find(form)
                assert start < 0, f"{canary} is in {place}: {data[max(0, start - 200) : start + 100]!r}"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


# Servers that tell everybody what they were told


def heard(request: Request) -> str:
    return " ".join(request.headers.values()) + " " + request.path


async def refuse(request: Request, reply: Reply, status: int) -> None:
    error = {"message": f"wrong key: {heard(request)}", "type": heard(request), "code": heard(request)}
    await reply.send(
        status,
        json.dumps({"type": "error", "error": error}).encode(),
        {"X-Request-Id": "r-1", "Retry-After": heard(request), "X-Told": heard(request)},
    )


async def web_page(request: Request, reply: Reply, status: int) -> None:
    await reply.send(status, f"<html>{heard(request)}</html>".encode(), {"Content-Type": "text/html"})


async def in_the_stream(request: Request, reply: Reply) -> None:
    error = {"type": "authentication_error", "message": heard(request), "code": heard(request)}
    if "/api/" in request.path:
        await reply.send(200, json.dumps({"error": heard(request)}).encode() + b"\n")
        return
    data = json.dumps({"type": "error", "error": error})
    await reply.send(200, f"event: error\ndata: {data}\n\n".encode(), {"Content-Type": "text/event-stream"})


async def nonsense(request: Request, reply: Reply) -> None:
    kind = "application/x-ndjson" if "/api/" in request.path else "text/event-stream"
    await reply.send(200, f"data: {{{heard(request)}\n\n".encode(), {"Content-Type": kind})


async def no_http(request: Request, reply: Reply) -> None:
    await reply.raw(f"HTTP/1.1 200 OK\r\n{heard(request)}\r\n\r\n".encode("latin-1"))
    reply.close()


async def elsewhere(request: Request, reply: Reply) -> None:
    await reply.send(307, b"", {"Location": f"http://{heard(request).replace(' ', '')}.invalid/"})


async def reset(_request: Request, reply: Reply) -> None:
    reply.reset()


FAILURES: dict[str, Callable[[Request, Reply], Any]] = {
    "bad-key": lambda request, reply: refuse(request, reply, 401),
    "forbidden": lambda request, reply: refuse(request, reply, 403),
    "bad-request": lambda request, reply: refuse(request, reply, 400),
    "rate": lambda request, reply: refuse(request, reply, 429),
    "broken": lambda request, reply: refuse(request, reply, 500),
    "page": lambda request, reply: web_page(request, reply, 200),
    "lost-page": lambda request, reply: web_page(request, reply, 404),
    "in-stream": in_the_stream,
    "nonsense": nonsense,
    "no-http": no_http,
    "elsewhere": elsewhere,
    "reset": reset,
}


async def failing(request: Request, reply: Reply) -> None:
    """Fails as the path says."""
    name = next(name for name in FAILURES if f"/{name}/" in f"{request.path}/")
    await FAILURES[name](request, reply)


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(failing)


# The process, and all that leaves it


@pytest.fixture
def watched(
    start: Start, canaries: Canaries, environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., Sidecar]]:
    """Start a service; when the test is over, look for the canaries in whatever it has left anywhere."""
    recording = tmp_path / "recording.jsonl"
    started: list[Sidecar] = []

    def _start(env: dict[str, str] | None = None, **session: Any) -> Sidecar:
        quiet = {"CKSERVICE_LOG_LEVEL": "debug", "OPENAI_LOG": "debug", "ANTHROPIC_LOG": "debug"}
        sidecar = start("--record", str(recording), env={**quiet, **(env or {})})
        started.append(sidecar)
        settings = {"limits": {"maxAttempts": 1}, **session.pop("settings", {})}
        sidecar.initialize(settings=settings, **session)
        return sidecar

    yield _start
    [sidecar] = started
    for method in ("settings/get", "metrics/get", "health/check", "health/providers", "health/ready", "model/list"):
        sidecar.request(method, method)
        sidecar.response(method)
    told = Path(f"/proc/{sidecar.process.pid}/cmdline")
    command = told.read_bytes() if told.exists() else b""
    assert sidecar.end() == 0
    sidecar.wait_for_output_end()
    assert len(canaries.all) > 0
    assert sidecar.log
    canaries.assert_not_in(command, "the command line")
    canaries.assert_not_in(b"".join(sidecar.raw), "stdout")
    canaries.assert_not_in("\n".join(sidecar.log).encode(), "the log")
    canaries.assert_not_in(recording.read_bytes(), "the recording")
    for path in Path(environment["CKSERVICE_DATA_DIR"]).rglob("*"):
        if path.is_file():
            canaries.assert_not_in(path.read_bytes(), path.name)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_may_fail_in_any_way(
    watched: Callable[..., Sidecar], server: Server, canaries: Canaries, provider: str
) -> None:
    sidecar = watched()
    given = len(canaries.all)
    for name in FAILURES:
        endpoint = server.url.replace("://", f"://user:{canaries.new('password')}@") + f"/{name}"
        config = {
            "provider": provider,
            "endpoint": endpoint,
            "model": "m",
            "apiKey": canaries.new("key"),
            "headers": {"X-Gateway": canaries.new("header")},
        }
        plain = {**config, "endpoint": f"{server.url}/{name}"}
        for each in (config, plain):
            error = sidecar.call("chat/complete", question(config=each))
            assert error["data"]["kind"] != "internal", (name, error)
        sidecar.call("settings/update", {"config": config})
        sidecar.call("model/list", {"provider": provider})
        sidecar.call("health/ready")
        sidecar.call("token/count", {"text": "Hello"})
        sidecar.call("embedding/create", {"input": ["Hello"], "config": plain})
        sidecar.call("settings/update", {"config": None})
    sent = "\n".join(heard(request) for request in server.requests)
    assert len(canaries.all) == given + 3 * len(FAILURES)
    assert [canary for canary in canaries.all if "key" in canary and canary not in sent] == []


def test_a_key_may_be_given_in_any_way(watched: Callable[..., Sidecar], server: Server, canaries: Canaries) -> None:
    endpoint = f"{server.url}/bad-key"
    sidecar = watched(
        env={
            "OPENAI_API_KEY": canaries.new("openai"),
            "ANTHROPIC_API_KEY": canaries.new("anthropic"),
            "AZURE_OPENAI_API_KEY": canaries.new("azure"),
            "AZURE_OPENAI_ENDPOINT": endpoint,
            "CKSERVICE_CACHE_URL": f"redis://user:{canaries.new('redis')}@127.0.0.1:{closed_port()}/0",
            "ANTHROPIC_AUTH_TOKEN": canaries.new("token"),
        },
        capabilities={"credentials": True},
    )
    azure = {"provider": "azure-openai", "model": "m", "endpoint": endpoint}
    sidecar.request(1, "chat/complete", question(config=azure, temperature=0.0))
    asked = sidecar.wait_for(lambda message: message.get("method") == "credential/request")
    sidecar.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"apiKey": canaries.new("host"), "more": 1}})
    sidecar.response(1)
    sidecar.request(2, "chat/complete", question(config=azure, temperature=0.0, cache="use"))
    asked = sidecar.wait_for(
        lambda message: message.get("method") == "credential/request" and message["id"] != asked["id"]
    )
    sidecar.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"apiKey": [canaries.new("shape")]}})
    sidecar.response(2)
    sidecar.call("credential/set", {"provider": "openai", "apiKey": canaries.new("set")})
    sidecar.call("credential/set", {"provider": "openai", "apiKey": canaries.new("place"), "endpoint": endpoint})
    sidecar.call("credential/set", {"provider": "openai", "apikey": canaries.new("misspelt")})
    sidecar.call("credential/set", {"provider": "acme", "apiKey": canaries.new("acme")})
    fallback = {"provider": "ollama", "endpoint": endpoint, "model": "m", "apiKey": canaries.new("fallback")}
    config = {"provider": "openai", "endpoint": f"{server.url}/broken", "model": "m", "fallback": [fallback]}
    sidecar.call("chat/complete", question(config=config))
    sidecar.call("chat/complete", question(config={**config, "endpoint": endpoint}))
    sidecar.call("credential/clear", {"provider": "openai"})
    for provider in PROVIDERS:  # so that the host, who will not answer, is not asked again
        sidecar.call("credential/set", {"provider": provider, "apiKey": canaries.new("last"), "endpoint": None})
    token = server.url.replace("://", f"://{canaries.new('token')}@") + "/broken"
    sidecar.call("chat/complete", question(config={"provider": "ollama", "endpoint": token, "model": "m"}))
    sent = "\n".join(heard(request) for request in server.requests)
    used = [canary.removeprefix("canary")[:-16] for canary in canaries.all if canary in sent]
    assert used == ["azure", "host", "set", "place", "fallback"]


def test_a_key_may_hold_anything(watched: Callable[..., Sidecar], server: Server, canaries: Canaries) -> None:
    sidecar = watched()
    for provider in PROVIDERS:
        for end in WRONG_ENDS:
            config = {"provider": provider, "endpoint": f"{server.url}/bad-key", "model": "m"}
            for given in (
                {"apiKey": canaries.new("key") + end},
                {"apiKey": "k", "headers": {"X-Gateway": canaries.new("header") + end}},
                {"apiKey": "k", "headers": {"X-" + end: canaries.new("name")}},
                {"apiKey": "k", "endpoint": f"http://user:{canaries.new('password')}{end}@127.0.0.1:1"},
                {"apiKey": "k", "endpoint": f"http://user:{canaries.new('password')}@127.0.0.1:{end}"},
            ):
                answer = sidecar.call("chat/complete", question(config={**config, **given}))
                assert answer["data"]["kind"] != "internal", (provider, end, given, answer)


def test_a_proxy_and_a_store_may_have_passwords(
    watched: Callable[..., Sidecar], serve: Serve, canaries: Canaries
) -> None:
    async def refusing(request: Request, reply: Reply) -> None:
        await reply.send(407, heard(request).encode(), {"Proxy-Authenticate": f"Basic realm={heard(request)}"})

    server = serve(refusing)
    sidecar = watched()
    places = (f"127.0.0.1:{closed_port()}", server.url.removeprefix("http://"), "127.0.0.1:x", "127.0.0.1:1")
    for place, proxy_scheme, scheme in zip(
        places, ("http://", "http://", "socks9://", ""), ("redis://", "redis://", "redis://", ""), strict=True
    ):
        proxy = f"{proxy_scheme}user:{canaries.new('proxy')}@{place}"
        store = f"{scheme}user:{canaries.new('redis')}@{place}/0"
        sidecar.call("settings/update", {"network": {"proxy": proxy}, "cache": {"url": store}})
        for provider in PROVIDERS:
            config = {"provider": provider, "model": "m", "apiKey": canaries.new("key"), "temperature": 0}
            endpoint = f"{'https' if provider == 'openai' else 'http'}://provider.invalid/v1"
            error = sidecar.call("chat/complete", question(config={**config, "endpoint": endpoint}, cache="use"))
            assert error["data"]["kind"] != "internal", error
        sidecar.call("cache/stats")
        sidecar.call("cache/clear")
    assert server.requests


def test_no_command_tells_a_key(command: list[str], environment: dict[str, str], canaries: Canaries) -> None:
    env = {
        **environment,
        "OPENAI_API_KEY": canaries.new("key"),
        "CKSERVICE_CACHE_URL": f"redis://user:{canaries.new('redis')}@127.0.0.1:1/0",
        "CKSERVICE_ENDPOINT": f"http://user:{canaries.new('password')}@127.0.0.1:1/0",
        "CKSERVICE_PROVIDER": "ollama",
    }
    for arguments in (["doctor"], ["doctor", "--json"], ["call", "settings/get"], ["call", "health/ready"]):
        done = subprocess.run(
            [*command, *arguments], env=env, cwd=ROOT, capture_output=True, timeout=WAIT_SECONDS, check=False
        )
        assert done.stdout
        canaries.assert_not_in(done.stdout + done.stderr, " ".join(arguments))
    for wrong in ({"CKSERVICE_PROVIDER": canaries.new("wrong")}, {"CKSERVICE_TEMPERATURE": canaries.new("wrong")}):
        done = subprocess.run(
            command, env={**env, **wrong}, cwd=ROOT, input=b"", capture_output=True, timeout=WAIT_SECONDS, check=False
        )
        assert done.returncode == 10
        canaries.assert_not_in(done.stdout + done.stderr, str(wrong))


@pytest.mark.source
def test_a_crash_does_not_tell_a_key(start_with_test_methods: Start, canaries: Canaries) -> None:
    ends = ("", *WRONG_ENDS)
    sidecar = start_with_test_methods(env={"OPENAI_API_KEY": canaries.new("key"), "LOG_LEVEL": "debug"})
    given = [canaries.new("set") + end for end in ends]
    for key in given:
        sidecar.call("credential/set", {"provider": "openai", "apiKey": key})
    text = "\n".join([canaries.all[0], *given, *map(repr, given), *map(ascii, given), *map(json.dumps, given)])
    text += " ".join(repr(key.encode()) for key in given)
    sidecar.call("test/raise", {"text": text})
    sidecar.call("test/raise", {"text": "x" * (16 * 1024 - 10) + canaries.all[0] + "y" * 8})
    sidecar.call("test/warn", {"text": text})
    sidecar.request("crash", "test/crash", {"text": text})
    assert sidecar.exit_code() == 70
    assert os.linesep.join(sidecar.log).count("[redacted]") > len(given)
    canaries.assert_not_in("\n".join(sidecar.log).encode() + b"".join(sidecar.raw), "the log or stdout")
