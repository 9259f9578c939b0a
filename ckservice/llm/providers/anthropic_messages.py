"""What is said to Anthropic, apart from how it gets there.

https://platform.claude.com/docs/en/api/messages
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from ckservice.llm.endpoint import Endpoint
from ckservice.types import ChatRequest, Message, NamedTool

MAX_TOKENS = 32_000
"""Of an answer, reasoning included, where nobody sets the bound that this API insists on: what Claude Opus 4.1 gives
at most. All later models give more, see `max_tokens` in the list of models."""

_CACHED_CHARS = 4096
"""Below about 1,024 tokens nothing is cached, https://platform.claude.com/docs/en/build-with-claude/prompt-caching."""

DISPENSABLE = ("tool_choice", "cache_control")
"""What is left out once a model, or a gateway, has refused it. Models that think don't let a tool be forced on them."""

_CACHED = {"cache_control": {"type": "ephemeral"}}
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]")


def request_body(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """The JSON that asks for an answer, without what the model is known to refuse.

    Models no longer take a temperature, nor does the API's current version know one.
    """
    if request.temperature is not None:
        endpoint.refuse(request.model, "temperature")
    body = {**prompt(request, endpoint), "max_tokens": request.max_tokens or MAX_TOKENS, "stream": True}
    if stop := [text for text in request.stop if not is_blank(text)]:
        body["stop_sequences"] = stop
    return body


def prompt(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """The part of a request that the model reads."""
    refused = endpoint.refused.get(request.model, ())
    conversation = _conversation(request.messages, endpoint.turns)
    system = "\n\n".join(
        message.content for message in request.messages if message.role == "system" and not is_blank(message.content)
    )
    if system and not conversation:  # there has to be a message
        conversation, system = [{"role": "user", "content": [_text(system)]}], ""
    tools, choice = _tools(request, conversation, can_force="tool_choice" not in refused)
    body = {
        "model": request.model,
        "messages": conversation,
        "system": [_text(system)] if system else None,
        "tools": tools,
        "tool_choice": choice,
    }
    if request.response_format is not None and request.strict:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.response_format.schema_}}
    if "cache_control" not in refused:
        _mark_what_comes_again(body)
    return {name: value for name, value in body.items() if value or name == "messages"}


def _conversation(messages: Iterable[Message], turns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Turns of user and assistant, one after the other; the results of tools stand first in theirs."""
    conversation: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, turns) if message.role != "system" else []
        if blocks and conversation and conversation[-1]["role"] == role:
            conversation[-1]["content"] += blocks
        elif blocks:
            conversation.append({"role": role, "content": blocks})
    for turn in conversation:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return conversation


def _blocks(message: Message, turns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A message's content; text without a visible character is refused, and left out."""
    content = [] if is_blank(message.content) else [_text(message.content)]
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": _tool_id(message.tool_call_id or "")}
        return [{**result, "content": content} if content else result]
    calls = message.tool_calls or []
    turn = turns.get(calls[0].id, ()) if calls else ()
    if turn and [block["id"] for block in turn if block["type"] == "tool_use"] == [call.id for call in calls]:
        return [*turn]
    return content + [
        {"type": "tool_use", "id": _tool_id(call.id), "name": call.name, "input": call.arguments} for call in calls
    ]


def _tools(
    request: ChatRequest, conversation: list[dict[str, Any]], *, can_force: bool
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    tools: list[dict[str, Any]] = [
        {"name": tool.name, "description": tool.description, "input_schema": {"type": "object", **tool.parameters}}
        for tool in request.tools
    ]
    if not tools:  # a conversation that has called tools is refused without them
        called = (block["name"] for turn in conversation for block in turn["content"] if block["type"] == "tool_use")
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in dict.fromkeys(called)]
        return tools, {"type": "none"} if tools else None
    if request.tool_choice == "none":
        return tools, {"type": "none"}
    if request.tool_choice == "auto" or not can_force:
        return tools, None
    if isinstance(request.tool_choice, NamedTool):
        return tools, {"type": "tool", "name": request.tool_choice.name}
    return tools, {"type": "any"}


def _mark_what_comes_again(body: dict[str, Any]) -> None:
    """Have the prefixes cached that the next request is likely to begin with too.

    That is what stands before the conversation, if it is long, and a conversation that has gone on. A mark on
    something short does nothing.
    """
    fixed = body["system"] or body["tools"]  # tools stand before the system's text
    with suppress(TypeError):  # nested deeper than orjson goes
        if fixed and len(orjson.dumps([body["system"], body["tools"]])) >= _CACHED_CHARS:
            fixed[-1] = {**fixed[-1], **_CACHED}
    conversation = body["messages"]
    if len(conversation) > 1 and conversation[-1]["role"] == "user":
        content = conversation[-1]["content"]
        content[-1] = {**content[-1], **_CACHED}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def is_blank(text: str) -> bool:
    return not text or text.isspace()


def _tool_id(call_id: str) -> str:
    """An id of a call that another provider's model may have made, with the characters that are allowed here."""
    return _NOT_IN_AN_ID.sub("_", call_id)
