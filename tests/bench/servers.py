"""The servers under test: how each is started and what its requests look like on the wire."""

import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PEERS = Path(__file__).parent / "peers"
TOKEN_DELAY_MS = 20  # between the tokens of the stream that is cancelled


@dataclass(frozen=True, kw_only=True)
class Server:
    """One contestant. In a request, the string "$TEXT" stands for the text to stream back.

    The key names of the job that Node gets are the field names in camelCase.
    """

    name: str
    title: str
    command: list[str]
    """For `http` the port is appended."""
    transport: str = "lines"
    """`lines`: one message per line; `headers`: Content-Length framing; `http`: JSON and server-sent events;
    `threads`: lines, with codex's way to ask."""
    environment: dict[str, str]
    initialize: Json
    """The request whose answer ends the startup."""
    initialized: Json | None = None
    """A notification the protocol wants after it."""
    ping: Json
    """The smallest request the server answers."""
    stream_request: Json | None = None
    """Streams "$TEXT" back as fast as possible, one token a word; None where the server cannot."""
    token_method: str = ""
    """The notification that carries `token` (or `message`)."""
    token_count: int = 100_000
    """Words in the stream: fewer where 100,000 would take longer than 5 s."""
    slow_down: Json | None = None
    """A request that makes the streams slow, TOKEN_DELAY_MS a token."""
    slow_request: Json | None = None
    """Streams slowly; None where a cancelled request gets no answer."""
    cancel_method: str = "$/cancelRequest"
    validate_request: Json | None = None
    """Validates a context repository."""
    graph_request: Json | None = None
    """Asks for the graph of a context repository."""
    changed_file: str = ""
    """A file of the repository that is validated, to which a line may be added."""
    beside: str = ""
    """The peer that it is compared with, for a ckservice that is not the first."""

    def job(self) -> Json:
        return {
            _camel_case(key): value for key, value in asdict(self).items() if key not in {"name", "title", "beside"}
        }


def _camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def ckservice(command: list[str], directory: Path) -> Server:
    chat = {
        "method": "chat/complete",
        "params": {
            "messages": [{"role": "user", "content": "$TEXT"}],
            "config": {"provider": "offline"},
            "cache": "off",
        },
    }
    return Server(
        name="ckservice",
        title="ckservice",
        command=command,
        environment={"CKSERVICE_DATA_DIR": str(directory / "ckservice")},
        initialize={
            "method": "initialize",
            "params": {"protocolVersion": 1, "clientInfo": {"name": "bench", "version": "1"}},
        },
        ping={"method": "ping"},
        stream_request=chat,
        token_method="stream/token",
        slow_down={"method": "settings/update", "params": {"offline": {"tokenDelayMs": TOKEN_DELAY_MS}}},
        slow_request=chat,
    )


def bare() -> Server:
    return Server(
        name="bare",
        title="bare Python loop",
        command=[sys.executable, str(PEERS / "bare_server.py")],
        environment={},
        initialize={"method": "initialize", "params": {}},
        ping={"method": "ping"},
        stream_request={"method": "stream", "params": {"text": "$TEXT"}},
        token_method="stream/token",
    )


def fastapi() -> Server:
    return Server(
        name="fastapi",
        title="FastAPI + uvicorn, SSE",
        command=[sys.executable, str(PEERS / "fastapi_server.py")],
        transport="http",
        environment={},
        initialize={"method": "GET", "path": "/health"},
        ping={"method": "GET", "path": "/health"},
        stream_request={"method": "POST", "path": "/stream", "body": {"text": "$TEXT"}},
    )


def pygls() -> Server:
    def stream(delay_ms: int) -> Json:
        return {"method": "bench/stream", "params": {"text": "$TEXT", "delayMs": delay_ms}}

    return Server(
        name="pygls",
        title="pygls",
        command=[sys.executable, str(PEERS / "pygls_server.py")],
        transport="headers",
        environment={},
        initialize={"method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
        initialized={"method": "initialized", "params": {}},
        ping={"method": "bench/ping", "params": {}},
        stream_request=stream(0),
        token_method="stream/token",
        slow_request=stream(TOKEN_DELAY_MS),
    )


def mcp() -> Server:
    """The MCP SDK does not answer a cancelled request, as its specification demands: there is no cancel to time."""
    call = {"name": "stream", "arguments": {"text": "$TEXT"}, "_meta": {"progressToken": "tokens"}}
    client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    return Server(
        name="mcp",
        title="MCP Python SDK",
        command=[sys.executable, str(PEERS / "mcp_server.py")],
        environment={},
        initialize={"method": "initialize", "params": client},
        initialized={"method": "notifications/initialized"},
        ping={"method": "ping"},
        stream_request={"method": "tools/call", "params": call},
        token_method="notifications/progress",
        token_count=20_000,
    )


def codex(binary: Path, directory: Path) -> Server:
    """`codex app-server` streams only what a model answers: without a provider it takes part in three measurements."""
    home = directory / "codex"
    home.mkdir(exist_ok=True)
    return Server(
        name="codex",
        title="codex app-server (Rust)",
        command=[str(binary), "app-server"],
        environment={"CODEX_HOME": str(home)},
        initialize={"method": "initialize", "params": {"clientInfo": {"name": "bench", "version": "1"}}},
        initialized={"method": "initialized"},
        ping={"method": "thread/loaded/list", "params": {}},
    )


def find_codex(path: str | None) -> Path | None:
    """The native codex binary: `path`, or what the npm launcher on the PATH would start; None if there is none."""
    launcher = path or shutil.which("codex")
    if launcher is None:
        return None
    binary = Path(launcher).resolve()
    if binary.suffix != ".js":
        return binary if binary.is_file() else None
    packages = binary.parents[2]  # …/@openai/codex/bin/codex.js
    return next(iter(sorted(packages.glob("**/vendor/*/bin/codex"))), None)
