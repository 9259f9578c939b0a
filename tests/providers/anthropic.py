"""What an Anthropic server says, https://platform.claude.com/docs/en/build-with-claude/streaming."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.providers import process
from tests.providers.server import Reply, Request, Script
from tests.sidecar import Sidecar, question

KEY = process.KEY
SSE = {"Content-Type": "text/event-stream; charset=utf-8", "request-id": "req_011"}
USAGE = {"promptTokens": 11, "completionTokens": 3, "totalTokens": 14, "costUsd": None}


def config(url: str, **members: Any) -> dict[str, Any]:
    return {"provider": "anthropic", "model": "test-model", "endpoint": url, "apiKey": KEY, **members}


def ask(url: str, text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    """The params of a `chat/complete` for the server at a URL."""
    return question(text, config=config(url, **params.pop("config", {})), **params)


def begin(**usage: Any) -> dict[str, Any]:
    counts = {"input_tokens": 11, "output_tokens": 1, **usage}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "test-model"}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "usage": counts}}


def block(index: int, kind: str, *deltas: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    """The events of a content block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(*pieces: str, index: int = 0) -> list[dict[str, Any]]:
    return block(index, "text", *({"type": "text_delta", "text": piece} for piece in pieces), text="")


def thinking(*pieces: str, signature: str = "c2ln", index: int = 0) -> list[dict[str, Any]]:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    signed = {"type": "signature_delta", "signature": signature}
    return block(index, "thinking", *deltas, signed, thinking="", signature="")


def tool_use(call_id: str, name: str, *pieces: str, index: int = 0) -> list[dict[str, Any]]:
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return block(index, "tool_use", *deltas, id=call_id, name=name, input={})


def stop(reason: str = "end_turn", **usage: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3, **usage}}, {"type": "message_stop"}]


def failing(kind: str, message: str = "-", **members: Any) -> dict[str, Any]:
    """The body of an error, and the data of an `error` event."""
    return {"type": "error", "error": {"type": kind, "message": message, **members}, "request_id": "req_011"}


def sse(*events: dict[str, Any]) -> bytes:
    """A stream; characters beyond ASCII stand for themselves."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events
    )


def answering(*events: dict[str, Any]) -> Script:
    """A script that answers with events, each in a chunk of its own."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        for event in events:
            await reply.chunk(sse(event))
        await reply.end()

    return script


def sending(status: int, body: Any, **headers: str) -> Script:
    """A script that answers as a whole; `body` is bytes, or something to be sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"request-id": "req_011", **{name.replace("_", "-"): value for name, value in headers.items()}}

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(status, data, fields)

    return script


HELLO = [begin(), *text("Hel", "lo"), *stop()]


HOSTILE_ENVIRONMENT = {
    "ANTHROPIC_AUTH_TOKEN": "of-the-environment",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Of-The-Environment: yes",
    "ANTHROPIC_LOG": "debug",
}
"""What would have the SDK ask somebody else, or tell what it asks."""


def running(pytest_config: pytest.Config, data: Path) -> AbstractContextManager[Sidecar]:
    """One process for many tests, in an environment that must not matter."""
    return process.running(pytest_config, data, HOSTILE_ENVIRONMENT)
