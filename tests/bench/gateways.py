"""The servers that ask a provider: ckservice with each API it speaks, and its peers.

"$UPSTREAM" stands for the URL of the provider that Node runs beside them, see upstream.mjs.
"""

import sys
from dataclasses import replace
from pathlib import Path

from tests.bench.servers import PEERS, Json, Server, ckservice, codex

V1 = "$UPSTREAM/v1"

CONFIGS: dict[str, Json] = {
    "ckservice": {"provider": "openai", "api": "chat", "endpoint": V1},
    "ckservice-responses": {"provider": "openai", "api": "responses", "endpoint": V1},
    "ckservice-anthropic": {"provider": "anthropic", "endpoint": "$UPSTREAM"},
    "ckservice-ollama": {"provider": "ollama", "endpoint": "$UPSTREAM"},
}
TITLES = {
    "ckservice": "ckservice, Chat Completions",
    "ckservice-responses": "ckservice, Responses",
    "ckservice-anthropic": "ckservice, Anthropic",
    "ckservice-ollama": "ckservice, Ollama",
}
BESIDE = {
    "ckservice-responses": "codex",
    "ckservice-anthropic": "fastapi-langchain-openai",
    "ckservice-ollama": "codex",
}
FEWER_TOKENS = 10_000


def gateways(command: list[str], directory: Path) -> list[Server]:
    """The servers, ckservice with Chat Completions first."""
    return [
        *(_own(name, command, directory) for name in CONFIGS),
        _sdk(),
        *(_fastapi(library) for library in ("openai", "langchain-openai", "langchain-anthropic")),
    ]


def _own(name: str, command: list[str], directory: Path) -> Server:
    """ckservice whose settings name the provider, as a host's do."""
    config = {**CONFIGS[name], "model": "bench-model", "apiKey": "bench"}
    base = ckservice(command, directory)
    chat = {"messages": [{"role": "user", "content": "$TEXT"}], "cache": "off"}
    return replace(
        base,
        name=name,
        title=TITLES[name],
        initialize={
            "method": "initialize",
            "params": {**base.initialize["params"], "settings": {"config": config}},
        },
        stream_request={"method": "chat/complete", "params": chat},
        token_count=50_000,
        slow_down=None,
        beside=BESIDE.get(name, ""),
    )


def _sdk() -> Server:
    return Server(
        name="openai-sdk",
        title="openai SDK, bare loop",
        command=[sys.executable, str(PEERS / "openai_loop.py"), V1],
        environment={},
        initialize={"method": "initialize", "params": {}},
        ping={"method": "ping"},
        stream_request={"method": "chat", "params": {"text": "$TEXT"}},
        token_method="stream/token",
        token_count=FEWER_TOKENS,
    )


def _fastapi(library: str) -> Server:
    names = {"openai": "openai SDK", "langchain-openai": "LangChain", "langchain-anthropic": "LangChain, Anthropic"}
    return Server(
        name=f"fastapi-{library}",
        title=f"FastAPI + {names[library]}",
        command=[
            sys.executable,
            str(PEERS / "fastapi_chat.py"),
            library,
            "$UPSTREAM" if library == "langchain-anthropic" else V1,
        ],
        transport="http",
        environment={},
        initialize={"method": "GET", "path": "/health"},
        ping={"method": "GET", "path": "/health"},
        stream_request={"method": "POST", "path": "/chat", "body": {"text": "$TEXT"}},
        token_count=FEWER_TOKENS,
    )


def codex_with_provider(binary: Path, directory: Path) -> Server:
    """codex app-server with a provider of the Responses API, the only one that it speaks."""
    base = codex(binary, directory)
    provider = {
        "name": '"bench"',
        "base_url": f'"{V1}"',
        "wire_api": '"responses"',
        "requires_openai_auth": "false",
        "supports_websockets": "false",
    }
    settings = {"model": '"bench-model"', "model_provider": '"bench"'}
    settings |= {f"model_providers.bench.{name}": value for name, value in provider.items()}
    thread = {"ephemeral": True, "approvalPolicy": "never", "sandbox": "read-only", "cwd": str(directory)}
    turn = {"input": [{"type": "text", "text": "$TEXT", "text_elements": []}]}
    return replace(
        base,
        command=[*base.command, *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))],
        transport="threads",
        stream_request={
            "thread": {"method": "thread/start", "params": thread},
            "turn": {"method": "turn/start", "params": turn},
        },
        token_method="item/agentMessage/delta",
        token_count=FEWER_TOKENS,
    )
