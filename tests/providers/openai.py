"""What OpenAI's servers say: the Responses API, and what stands beside it.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

import json
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.providers import process
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, question

KEY = process.KEY
SSE = {"Content-Type": "text/event-stream; charset=utf-8", "x-request-id": "req_011"}
TOOL = {"name": "find", "description": "Finds", "parameters": {"properties": {"q": {"type": "string"}}}}
COUNTS = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 14,
}
USAGE = {
    "promptTokens": 11,
    "completionTokens": 3,
    "totalTokens": 14,
    "cachedTokens": 4,
    "cacheWriteTokens": 2,
    "reasoningTokens": 1,
    "costUsd": None,
}


def config(url: str, **members: Any) -> dict[str, Any]:
    """A config that speaks the Responses API with the server at a URL."""
    given = {"provider": "openai", "model": "test-model", "endpoint": url, "api": "responses", "apiKey": KEY, **members}
    return {name: value for name, value in given.items() if value is not None}


def ask(url: str, text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    """The params of a `chat/complete` for the server at a URL."""
    return question(text, config=config(url, **params.pop("config", {})), **params)


def answer(sidecar: Sidecar, server: Server, messages: Any = None, **params: Any) -> Any:
    """The result of a chat."""
    params = ask(server.url, **params)
    result = sidecar.call("chat/complete", {**params, "messages": messages} if messages else params)
    assert "content" in result, result
    return result


def streamed(sidecar: Sidecar, method: str = "stream/token") -> str:
    """The text that came with the notifications of the last call."""
    notifications = sidecar.notifications(f"call-{sidecar.taken}", method)
    return "".join(message["params"]["token"] for message in notifications)


def text(*pieces: str, **members: Any) -> list[dict[str, Any]]:
    """The events of a message."""
    whole = "".join(pieces)
    part = {"type": "output_text", "text": whole, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", **members}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [
        {"type": "response.output_item.added", "item": {**message, "status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in pieces),
        {"type": "response.output_text.done", **place, "text": whole, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": {**message, "content": [part]}},
    ]


def thinking(*parts: str, item_id: str = "rs_1", **members: Any) -> list[dict[str, Any]]:
    """The events of a reasoning item with a summary in parts."""
    summary = [{"type": "summary_text", "text": part} for part in parts]
    events: list[dict[str, Any]] = []
    for place, part in enumerate(parts):
        where = {"item_id": item_id, "output_index": 0, "summary_index": place}
        half = len(part) // 2
        events += [
            {"type": "response.reasoning_summary_part.added", **where, "part": {"type": "summary_text", "text": ""}},
            {"type": "response.reasoning_summary_text.delta", **where, "delta": part[:half]},
            {"type": "response.reasoning_summary_text.delta", **where, "delta": part[half:]},
            {"type": "response.reasoning_summary_text.done", **where, "text": part},
        ]
    item = {"id": item_id, "type": "reasoning", "summary": summary, "encrypted_content": "Z0FBQUFB", **members}
    return [*events, {"type": "response.output_item.done", "output_index": 0, "item": item}]


def call_item(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    members = {"id": f"fc_{call_id}", "type": "function_call", "status": "completed"}
    return {**members, "call_id": call_id, "name": name, "arguments": arguments}


def tool_call(call_id: str, name: str, *pieces: str, index: int = 0) -> list[dict[str, Any]]:
    """The events of a function call whose arguments come in pieces."""
    item = call_item(call_id, name, "".join(pieces))
    where = {"item_id": item["id"], "output_index": index}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": {**item, "arguments": ""}},
        *({"type": "response.function_call_arguments.delta", **where, "delta": piece} for piece in pieces),
        {"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]},
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def response(status: str, **members: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": status, "output": [], "usage": None, **members}


def begin() -> list[dict[str, Any]]:
    return [{"type": f"response.{what}", "response": response("in_progress")} for what in ("created", "in_progress")]


def completed(**members: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response("completed", usage=COUNTS, **members)}


def incomplete(reason: str) -> dict[str, Any]:
    told = response("incomplete", usage=COUNTS, incomplete_details={"reason": reason})
    return {"type": "response.incomplete", "response": told}


def failed(code: str, message: str = "-") -> dict[str, Any]:
    return {"type": "response.failed", "response": response("failed", error={"code": code, "message": message})}


def refusing(
    code: str | None, kind: str = "invalid_request_error", *, param: str | None = None, message: str = "-"
) -> Any:
    """The body of an error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def sse(*events: Any) -> bytes:
    """A stream; characters beyond ASCII stand for themselves."""
    numbers = count()
    return b"".join(
        f"event: {event.get('type')}\ndata: "
        f"{json.dumps({**event, 'sequence_number': next(numbers)}, ensure_ascii=False)}\n\n".encode()
        for event in events
    )


HELLO = [*begin(), *text("Hel", "lo"), completed()]


def answering(*events: dict[str, Any], **headers: str) -> Script:
    """A script that answers with events, each in a chunk of its own."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers={**SSE, **headers}, end=False)
        for event in events:
            await reply.chunk(sse(event))
        await reply.end()

    return script


def sending(status: int, body: Any, **headers: str) -> Script:
    """A script that answers as a whole; `body` is bytes, or something to be sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(status, data, {"x-request-id": "req_011", **fields})

    return script


def in_turn(*scripts: Script) -> Script:
    """A script that follows one after the other, and the last one from then on."""
    left = list(scripts)

    async def script(request: Request, reply: Reply) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, reply)

    return script


HOSTILE_ENVIRONMENT = {
    "OPENAI_ADMIN_KEY": "of-the-environment",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/of-the-environment",
    "OPENAI_CUSTOM_HEADERS": "X-Custom: of-the-environment\nAuthorization: of-the-environment",
    "OPENAI_ORG_ID": "of-the-environment",
    "OPENAI_PROJECT_ID": "of-the-environment",
    "OPENAI_API_VERSION": "of-the-environment",
    "AZURE_OPENAI_AD_TOKEN": "of-the-environment",
    "OPENAI_LOG": "debug",
}
"""What would have the SDK ask somebody else, or tell what it asks."""


def running(pytest_config: pytest.Config, data: Path) -> AbstractContextManager[Sidecar]:
    """One process for many tests, in an environment that must not matter."""
    return process.running(pytest_config, data, HOSTILE_ENVIRONMENT)
