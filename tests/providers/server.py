"""A small HTTP/1.1 server whose behaviour for each request is a coroutine written by the test.

It serves on a loopback port from a thread of its own. Every wait in it is bounded, and a script that fails
fails the test when the server is closed.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.sidecar import WAIT_SECONDS, wait_until

PACKET_SECONDS = 0.001
"""Between packets of one byte; without a pause the kernel joins them."""

_RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""SO_LINGER, on with a time of zero: closing sends RST, not FIN."""


class Connection:
    """One accepted connection; `closed` is set once the client has ended it, at `closed_at` (monotonic)."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.closed_at = 0.0
        self.ended_here = False

    def note_end(self) -> None:
        if not self.ended_here:
            self.closed_at = time.monotonic()
            self.closed.set()


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked. The names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: Connection
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reply:
    """The server's side of one exchange, as plain or as broken as the script wants it."""

    def __init__(self, writer: asyncio.StreamWriter, connection: Connection, gate: asyncio.Semaphore) -> None:
        self._writer = writer
        self._connection = connection
        self._gate = gate

    async def send(
        self, status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None, *, end: bool = True
    ) -> None:
        """A whole answer of known length or, without `end`, the head of one that is sent in chunks."""
        length = {"Content-Length": str(len(body))} if end else {"Transfer-Encoding": "chunked"}
        fields = {"Content-Type": "application/json", **length, **(headers or {})}
        head = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
        await self.raw("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    async def chunk(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def trickle(self, data: bytes) -> None:
        """Chunks of one byte, and of those one byte in a packet."""
        for place in range(len(data)):
            for byte in b"1\r\n%b\r\n" % data[place : place + 1]:
                await self.raw(bytes([byte]))
                await asyncio.sleep(PACKET_SECONDS)

    async def end(self) -> None:
        """The last chunk."""
        await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await asyncio.wait_for(self._writer.drain(), WAIT_SECONDS)

    async def hold(self) -> None:
        """Wait for the test to call `Server.release`, once for each hold."""
        await asyncio.wait_for(self._gate.acquire(), WAIT_SECONDS)

    def close(self) -> None:
        """End the connection with FIN, wherever the answer stands."""
        self._connection.ended_here = True
        self._writer.close()

    def reset(self) -> None:
        """End the connection with RST."""
        self._connection.ended_here = True
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()


Script = Callable[[Request, Reply], Awaitable[None]]


class Server:
    """Serves while it is entered. `script` may be exchanged between requests; `requests` holds all that came."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.tls = tls
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.failures: list[BaseException] = []
        self.url = ""
        self._serving = threading.Event()
        self._conversations: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._serving.wait(WAIT_SECONDS), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive(), "the server did not stop"
        assert not self.failures, self.failures

    def release(self) -> None:
        """Let one `Reply.hold` go on."""
        self._loop.call_soon_threadsafe(self._gate.release)

    def request(self, place: int = 0) -> Request:
        """A request by its place; waits for it to come."""
        wait_until(lambda: len(self.requests) > place)
        return self.requests[place]

    async def _serve(self) -> None:
        self._loop, self._stop, self._gate = asyncio.get_running_loop(), asyncio.Event(), asyncio.Semaphore(0)
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.url = "{}://{}:{}".format("https" if self.tls else "http", *server.sockets[0].getsockname())
        self._serving.set()
        await self._stop.wait()
        with suppress(NotImplementedError):  # Windows
            for listener in server.sockets:
                self._loop.remove_reader(listener)
        for _ in range(3):  # who was just let in gets a transport yet, which would outlive a server that is closed
            await asyncio.sleep(0)
        server.close()
        for writer in self._conversations:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stop.is_set():
            writer.transport.abort()
        else:
            self._conversations[writer] = asyncio.ensure_future(self._converse(reader, writer))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read on while a script runs: that is how the end of a connection is noticed at once."""
        connection = Connection()
        self.connections.append(connection)
        running: asyncio.Task[None] | None = None
        try:
            while True:
                request = await _read(reader, connection)
                if running is not None:
                    await running
                self.requests.append(request)
                running = asyncio.ensure_future(self._play(request, Reply(writer, connection, self._gate)))
        except (asyncio.IncompleteReadError, ConnectionError):
            connection.note_end()
        finally:
            if running is not None:
                running.cancel()
            writer.close()

    async def _play(self, request: Request, reply: Reply) -> None:
        try:
            await self.script(request, reply)
        except ConnectionError:
            pass  # the client has gone, which is for the test to judge
        except Exception as error:  # noqa: BLE001 - told when the server is closed
            self.failures.append(error)
            reply.close()


async def _read(reader: asyncio.StreamReader, connection: Connection) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, connection)


def closed_port() -> int:
    """A port of the loopback interface where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
