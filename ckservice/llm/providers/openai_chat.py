"""Chat Completions: what is said to OpenAI's older API, and to all the servers that speak it, and what they say.

https://platform.openai.com/docs/api-reference/chat. Servers differ from it, and from each other, in everything that
clients let pass; what is known to occur is understood here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ckservice import errors
from ckservice.llm.endpoint import Endpoint
from ckservice.llm.estimate import estimate_tokens
from ckservice.llm.failures import not_the_api, title
from ckservice.llm.framing import Record
from ckservice.llm.providers.openai_errors import from_stream
from ckservice.llm.providers.openai_usage import usage
from ckservice.llm.providers.tool_calls import ToolCalls
from ckservice.text import Text
from ckservice.types import (
    ChatRequest,
    Done,
    FinishReason,
    Message,
    NamedTool,
    ProviderName,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    Usage,
)

_FINISH_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "contentFilter",
}
"""All others, the unknown ones too, are a good end."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a server wants to see again of a turn that called tools, beside what every server does.

    Attributes:
        model: the one that took the turn; another one is not shown what it thought.
        members: of the message: its reasoning, without which DeepSeek and Kimi refuse the tools' results.
        calls: members of single calls, by id: Gemini's thought signatures.
    """

    model: str
    members: dict[str, Any]
    calls: dict[str, dict[str, Any]]


def request_body(
    request: ChatRequest, *, refused: Collection[str], is_openai: bool, turns: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON that asks for an answer.

    Args:
        request: the question.
        refused: parameters that are not to be sent.
        is_openai: whether it goes to OpenAI itself, which has another name for `max_tokens`.
        turns: what `ChatReply` has remembered at the endpoint, by the id of a tool call.
    """
    limits = ("max_completion_tokens", "max_tokens") if is_openai else ("max_tokens", "max_completion_tokens")
    limit = next((name for name in limits if name not in refused), "max_tokens")
    options = {
        "stream_options": {"include_usage": True},
        "temperature": request.temperature,
        limit: request.max_tokens,
        "stop": list(request.stop) or None,
        "tools": [{"type": "function", "function": tool.model_dump()} for tool in request.tools] or None,
        "tool_choice": _tool_choice(request) if request.tools else None,
        "response_format": _response_format(request),
    }
    return {
        "model": request.model,
        "messages": [_message(message, request.model, turns) for message in request.messages],
        "stream": True,
        **{name: value for name, value in options.items() if value is not None and name not in refused},
    }


def _tool_choice(request: ChatRequest) -> Any:
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return None if choice == "auto" else choice  # it is the default, and servers without tools know no other


def _response_format(request: ChatRequest) -> Any:
    if (wanted := request.response_format) is None:
        return None
    schema = {"name": wanted.name, "schema": wanted.schema_, "strict": request.strict}
    return {"type": "json_schema", "json_schema": schema}


def _message(message: Message, model: str, turns: Mapping[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        members["name"] = message.name
    if message.tool_call_id is not None:
        members["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        turn = turns.get(message.tool_calls[0].id)
        if not isinstance(turn, Turn) or turn.model != model:
            turn = Turn(model, {}, {})
        members |= turn.members
        members["content"] = message.content or None
        members["tool_calls"] = [
            {
                **turn.calls.get(call.id, {}),
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
            }
            for call in message.tool_calls
        ]
    return members


class ChatReply:
    """What has come of an answer, chunk by chunk; a `ckservice.llm.reading.Reply`.

    A model that refuses is an error, `ContentFiltered`, unless it has said something before: then its answer ends
    with `contentFilter`.

    Args:
        provider: for the errors.
        endpoint: remembers turns that called tools.
        request: what is answered; the usage is estimated from it where the server tells none.
    """

    def __init__(self, provider: ProviderName, endpoint: Endpoint, request: ChatRequest) -> None:
        self.is_done = False
        self._provider = provider
        self._endpoint = endpoint
        self._request = request
        self._calls = ToolCalls()
        self._usage: Any = None
        self._finish_reason = ""
        self._reasoning = Text()
        self._reasoning_name = ""
        self._pieces = 0
        self._has_refused = False
        self._has_choices = False
        self._has_strangers = False

    def take(self, record: Record) -> list[StreamEvent] | None:
        data = record.data
        if not data.startswith(b"{"):
            data = data.strip()
            if data == b"[DONE]":
                self.is_done = True
            if self.is_done or not data:
                return None
        try:
            if record.event == "error":
                raise self._failure(_parse_error(data))
            return self._read(orjson.loads(data))
        except (AttributeError, LookupError, TypeError, ValueError):
            if self._pieces:
                reason = f"{title(self._provider)}'s answer turned into something else."
                raise errors.StreamInterrupted(reason, provider=self._provider) from None
            raise not_the_api(self._provider) from None

    def end(self) -> Done:
        if not self._finish_reason and not (self.is_done and self._has_choices):
            if self._has_strangers and not self._has_choices:
                raise not_the_api(self._provider)
            reason = f"{title(self._provider)} ended its answer without saying that it is complete."
            raise errors.StreamInterrupted(reason, provider=self._provider)
        calls, extras = self._calls.finished(self._provider)
        if calls and (extras or self._reasoning_name):
            members = {self._reasoning_name: str(self._reasoning)} if self._reasoning_name else {}
            self._endpoint.remember_turn([call.id for call in calls], Turn(self._request.model, members, extras))
        finish_reason = _FINISH_REASONS.get(self._finish_reason, "toolCalls" if calls else "stop")
        return Done("contentFilter" if self._has_refused else finish_reason, self._count(), calls)

    def _read(self, chunk: Any) -> list[StreamEvent] | None:
        if chunk.get("error") or chunk.get("object") == "error":
            raise self._failure(chunk)
        if told := chunk.get("usage"):
            self._usage = told
        choices = chunk.get("choices")
        if not choices:
            self._has_strangers = self._has_strangers or choices is None
            self.is_done = bool(told and self._finish_reason)  # [DONE] may follow, and tells nothing new
            return None
        self._has_choices = True
        choice = choices[0]
        if finish_reason := choice.get("finish_reason"):
            self._finish_reason = str(finish_reason)
            if finish_reason == "error":
                raise self._failure(choice)
        delta = choice.get("delta")
        return self._read_delta(delta) if delta else None

    def _read_delta(self, delta: dict[str, Any]) -> list[StreamEvent] | None:
        events: list[StreamEvent] = []
        if reasoning := delta.get("reasoning_content"):
            events.append(self._reason("reasoning_content", reasoning))
        elif reasoning := delta.get("reasoning"):  # some send both, and the same in both
            events.append(self._reason("reasoning", reasoning))
        if content := delta.get("content"):
            if isinstance(content, str):
                events.append(TextDelta(content))
            else:
                events += _read_parts(content)
        if delta.get("refusal"):
            if not self._pieces:
                name = title(self._provider)
                raise errors.ContentFiltered(f"{name}'s model refused to answer.", provider=self._provider)
            self._has_refused = True
        if fragments := delta.get("tool_calls"):
            for place, fragment in enumerate(fragments):
                self._calls.add(fragment, place)
        if function := delta.get("function_call"):
            self._calls.add({"function": function}, 0)
        self._pieces += len(events)
        return events if events or fragments or function else None

    def _reason(self, name: str, text: Any) -> ReasoningDelta:
        self._reasoning_name = name
        self._reasoning.add(_text(text))
        return ReasoningDelta(text)

    def _failure(self, error: Any) -> errors.ProviderError:
        return from_stream(self._provider, error, has_text=self._pieces > 0)

    def _count(self) -> Usage:
        told = self._usage
        if not isinstance(told, dict):
            told = {"prompt_tokens": estimate_tokens(self._request), "completion_tokens": self._pieces}
        return usage(told)


def _parse_error(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _read_parts(parts: Any) -> list[StreamEvent]:
    """Content in parts, as Mistral's reasoning models send it: https://docs.mistral.ai/capabilities/reasoning."""
    events: list[StreamEvent] = []
    for part in parts:
        if part["type"] == "thinking":
            events += [ReasoningDelta(_text(thought["text"])) for thought in part["thinking"]]
        elif part["type"] == "text":
            events.append(TextDelta(_text(part["text"])))
    return events


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
