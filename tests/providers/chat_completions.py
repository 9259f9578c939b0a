"""What a server says that speaks OpenAI's Chat Completions, https://platform.openai.com/docs/api-reference/chat."""

import json
from collections.abc import Callable
from typing import Any

from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, question

Serve = Callable[[Script], Server]

SSE = {"Content-Type": "text/event-stream"}
DONE = b"data: [DONE]\n\n"
USAGE = {"promptTokens": 11, "completionTokens": 3, "totalTokens": 14, "costUsd": None}


def ask(url: str, text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    """The params of a `chat/complete` for the server at a URL."""
    config = {"provider": "openai", "endpoint": f"{url}/v1", "model": "test-model", **params.pop("config", {})}
    return question(text, config=config, **params)


def chunk(content: Any = None, finish: Any = None, **delta: Any) -> dict[str, Any]:
    delta = delta if content is None else {"content": content, **delta}
    return with_choices({"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish})


def with_choices(*choices: Any, **members: Any) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1763640000, "model": "test-model"}
    return {**head, "choices": list(choices), "usage": None, **members}


def usage(**members: Any) -> dict[str, Any]:
    counts = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
    return with_choices(usage={**counts, **members})


def call(index: int | None = None, call_id: str | None = None, name: str | None = None, text: Any = None) -> Any:
    """A fragment of a tool call, without the members that are not given."""
    function = {"name": name, "arguments": text}
    members = {"index": index, "id": call_id, "type": "function"}
    return {
        **{key: value for key, value in members.items() if value is not None},
        "function": {key: value for key, value in function.items() if value is not None},
    }


def events(*items: Any) -> bytes:
    """Server-sent events; bytes stand for themselves. Characters beyond ASCII are not escaped."""
    return b"".join(
        item if isinstance(item, bytes) else b"data: %b\n\n" % json.dumps(item, ensure_ascii=False).encode()
        for item in items
    )


END = [chunk(finish="stop"), usage(), DONE]
HELLO = [chunk("", role="assistant"), chunk("Hel"), chunk("lo"), *END]
TOOL = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}


def answering(*items: Any) -> Script:
    """A script that answers with events, each in a chunk of its own."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        for item in items:
            await reply.chunk(events(item))
        await reply.end()

    return script


def refusing(status: int, body: Any, **headers: str) -> Script:
    """A script that answers as a whole; `body` is bytes, or something to be sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(status, data, fields)

    return script


def cut_after(items: list[Any], cut: Callable[[Reply], None]) -> Script:
    """A script that sends events, holds, and then ends the connection."""

    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=SSE, end=False)
        for item in items:
            await reply.chunk(events(item))
        await reply.hold()
        cut(reply)

    return script


def joined(sidecar: Sidecar, request_id: Any, method: str = "stream/token") -> str:
    return "".join(message["params"]["token"] for message in sidecar.notifications(request_id, method))


def ask_each(sidecar: Sidecar, serve: Serve, cases: dict[str, Any], tell: Callable[[Any], Any]) -> dict[str, Any]:
    """What becomes of each case's answer, in the words of `tell`; an error is told by its data."""
    results = {}
    for name, items in cases.items():
        result = sidecar.call("chat/complete", ask(serve(answering(*items)).url, tools=[TOOL]), request_id=name)
        results[name] = tell(result) if "content" in result else result
    return results
