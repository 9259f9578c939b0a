"""What an Ollama server says, https://docs.ollama.com/api."""

import json
from collections.abc import Callable
from typing import Any

from tests.providers.server import Reply, Request, Script
from tests.sidecar import question

NDJSON = {"Content-Type": "application/x-ndjson"}
USAGE = {"promptTokens": 11, "completionTokens": 3, "totalTokens": 14, "costUsd": 0.0}


def ask(url: str | None, text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    """The params of a `chat/complete` for the server at a URL."""
    config = {"provider": "ollama", "model": "test-model", **({"endpoint": url} if url else {})}
    return question(text, config={**config, **params.pop("config", {})}, **params)


def piece(content: str = "", **message: Any) -> dict[str, Any]:
    return {"model": "test-model", "message": {"role": "assistant", "content": content, **message}, "done": False}


def last(reason: str = "stop", **members: Any) -> dict[str, Any]:
    counts = {"prompt_eval_count": 11, "eval_count": 3}
    return {**piece(), "done": True, "done_reason": reason, **counts, **members}


def lines(*objects: Any, end: bytes = b"\n") -> bytes:
    """Newline-delimited JSON; characters beyond ASCII stand for themselves, as in Go."""
    return b"".join(json.dumps(item, ensure_ascii=False).encode() + end for item in objects)


def answering(*objects: Any) -> Script:
    """A script that answers with lines, each in a chunk of its own."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        for item in objects:
            await reply.chunk(lines(item))
        await reply.end()

    return script


def sending(status: int, body: Any, **headers: str) -> Script:
    """A script that answers as a whole; `body` is bytes, or something to be sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(status, data, fields)

    return script


def cut_after(objects: list[Any], cut: Callable[[Reply], None]) -> Script:
    """A script that sends lines, holds, and then ends the connection."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        for item in objects:
            await reply.chunk(lines(item))
        await reply.hold()
        cut(reply)

    return script
