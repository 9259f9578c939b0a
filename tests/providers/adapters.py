"""All adapters, each with the config that reaches it and the words in which its server talks."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pytest

from tests.providers import process
from tests.providers.server import Reply, Request, Script, Server
from tests.providers.speech import MODEL, Packets, Speech
from tests.providers.speeches import AzureChatCompletions, ChatCompletions, Messages, Ollama, Responses
from tests.sidecar import WAIT_SECONDS, Sidecar, question

KEY = process.KEY


@dataclass(frozen=True, eq=False)
class Adapter:
    """One adapter.

    Attributes:
        path: of the API, behind the server's URL.
        signature: the header that holds the key, and what it holds.
        members: of the config, beside those that all have.
        default_model: what is asked for where no model is named.
    """

    name: str
    provider: str
    speech: Speech
    signature: tuple[str, str]
    path: str = ""
    members: dict[str, Any] = field(default_factory=dict)
    default_model: str | None = None

    def __str__(self) -> str:
        return self.name

    def config(self, url: str, **members: Any) -> dict[str, Any]:
        """A config for the server at a URL; `None` leaves a member out."""
        given = {"provider": self.provider, "model": MODEL, "endpoint": url + self.path, "apiKey": KEY}
        return {name: value for name, value in {**given, **self.members, **members}.items() if value is not None}

    def ask(self, url: str, text: str = "Hello, world", **params: Any) -> dict[str, Any]:
        """The params of a `chat/complete` for the server at a URL."""
        return question(text, config=self.config(url, **params.pop("config", {})), **params)

    def hello(self) -> Script:
        """A script that says "Hello" in two pieces."""
        return self.saying(self.speech.text("Hel", "lo"))

    def pausing(self, *pieces: str) -> Script:
        """A script that begins an answer, says pieces of it, and stops in the middle of a record."""
        text = self.speech.unfinished(*pieces) if pieces else ()

        async def script(_request: Request, reply: Reply) -> None:
            await reply.send(headers=self.speech.headers, end=False)
            for packet in (*self.speech.begin, self.speech.silence, *text):
                await reply.chunk(packet)
            await reply.chunk(self.speech.end()[0][:8])
            await reply.hold()

        return script

    def breathing(self, *pieces: str) -> Script:
        """The same, but it shows that it is there until nobody listens any more."""
        text = self.speech.unfinished(*pieces) if pieces else ()

        async def script(_request: Request, reply: Reply) -> None:
            await reply.send(headers=self.speech.headers, end=False)
            for packet in (*self.speech.begin, *text):
                await reply.chunk(packet)
            while True:
                await reply.trickle(self.speech.silence)

        return script

    def saying(self, *packets: Packets, end: str = "stop") -> Script:
        """A script that answers with these between a beginning and an end."""
        return self.streaming(self.speech.begin, *packets, self.speech.end(end))

    def streaming(self, *packets: Packets) -> Script:
        """A script that answers with these and no others, each in a chunk of its own."""

        async def script(_request: Request, reply: Reply) -> None:
            await reply.send(headers=self.speech.headers, end=False)
            for packet in chain.from_iterable(packets):
                await reply.chunk(packet)
            await reply.end()

        return script


_BEARER = ("authorization", f"Bearer {KEY}")
_DEFAULT = "gpt-6-luna"

ADAPTERS = (
    Adapter("openai", "openai", Responses(), _BEARER, "/v1", {"api": "responses"}, _DEFAULT),
    Adapter("compatible", "openai", ChatCompletions(), _BEARER, "/v1", default_model=_DEFAULT),
    Adapter("azure-v1", "azure-openai", Responses(), _BEARER, "/openai/v1"),
    Adapter("azure-dated", "azure-openai", AzureChatCompletions(), ("api-key", KEY)),
    Adapter("anthropic", "anthropic", Messages(), _BEARER, default_model="claude-sonnet-5-5"),
    Adapter("ollama", "ollama", Ollama(), _BEARER),
)

each_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=str)


def each_adapter_with(*names: str) -> pytest.MarkDecorator:
    """Those adapters whose servers can say such things."""
    able = [adapter for adapter in ADAPTERS if all(getattr(adapter.speech, name) for name in names)]
    return pytest.mark.parametrize("adapter", able, ids=str)


def sending(status: int, body: Any, **headers: str) -> Script:
    """A script that answers as a whole; `body` is bytes, or something to be sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(status, data, fields)

    return script


def in_turn(*scripts: Script) -> Script:
    """A script that follows one after the other, and the last one from then on."""
    left = list(scripts)

    async def script(request: Request, reply: Reply) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, reply)

    return script


async def holding(_request: Request, reply: Reply) -> None:
    """A script that says nothing, until it is released."""
    await reply.hold()


def wait_for_the_silent(server: Server) -> None:
    """Let a server accept whoever has connected and said nothing, which it can't do while it is being closed."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), WAIT_SECONDS) as last:
        last.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert last.recv(1)


def joined(sidecar: Sidecar, request_id: Any, method: str = "stream/token") -> str:
    """The text in the notifications of a request."""
    return "".join(message["params"]["token"] for message in sidecar.notifications(request_id, method))


@contextmanager
def limited(sidecar: Sidecar, **limits: int) -> Iterator[None]:
    """Other limits, for a while."""
    before = sidecar.call("settings/get")["limits"]
    sidecar.call("settings/update", {"limits": limits})
    yield
    sidecar.call("settings/update", {"limits": {name: before[name] for name in limits}})


def warm(sidecar: Sidecar) -> None:
    """Ask each provider once: from then on nothing has to be imported."""
    for adapter in ADAPTERS:
        with Server(adapter.hello()) as server:
            assert sidecar.call("chat/complete", adapter.ask(server.url)).get("content") == "Hello", adapter
