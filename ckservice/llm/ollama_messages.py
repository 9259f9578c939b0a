"""What is said to Ollama and what it says, apart from how it gets there.

https://docs.ollama.com/api
"""

from typing import Any

import orjson

from ckservice import errors
from ckservice.types import (
    ChatRequest,
    Done,
    FinishReason,
    Message,
    ModelInfo,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCall,
    Usage,
)


def request_body(request: ChatRequest) -> dict[str, Any]:
    """The JSON that asks for an answer. A prompt that is too long is to be refused, not cut."""
    options = {
        "temperature": request.temperature,
        "num_predict": request.max_tokens,
        "stop": list(request.stop) or None,
    }
    names = {call.id: call.name for message in request.messages for call in message.tool_calls or ()}
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, names) for message in request.messages],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {name: value for name, value in options.items() if value is not None},
    }
    if request.tools and request.tool_choice != "none":
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    if request.response_format is not None:
        body["format"] = request.response_format.schema_
        body["think"] = False
    return body


def _message(message: Message, tool_names: dict[str, str]) -> dict[str, Any]:
    members: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        members["tool_calls"] = [
            {"function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.role == "tool" and (name := message.name or tool_names.get(message.tool_call_id or "")):
        members["tool_name"] = name
    return members


def model_info(entry: dict[str, Any]) -> ModelInfo:
    """A model as `/api/tags` lists it."""
    capabilities = entry.get("capabilities")
    return ModelInfo(
        id=entry["name"],
        name=entry["name"],
        provider="ollama",
        supports_streaming=True,
        supports_tools="tools" in capabilities if isinstance(capabilities, list) else None,
        supports_structured_output=True,
        input_price_per_m_tok=0.0,
        output_price_per_m_tok=0.0,
    )


def parse(data: bytes) -> dict[str, Any]:
    """Read an answer, or a line of one.

    Raises:
        ProviderRejected: it is no JSON object.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise not_ollama() from None
    if not isinstance(value, dict):
        raise not_ollama()
    return value


class Answer:
    """What has come of an answer, line by line."""

    def __init__(self) -> None:
        self._has_text = False
        self._calls: list[ToolCall] = []
        self._done: Done | None = None

    def take(self, line: bytes) -> list[StreamEvent]:
        """The events in a line."""
        try:
            part = parse(line)
            if "error" in part:
                raise self._in_stream_error(str(part["error"]))
            return self._read(part)
        except (AttributeError, LookupError, TypeError, ValueError, errors.ProviderRejected):
            if self._has_text:
                raise errors.StreamInterrupted(
                    "Ollama's answer turned into something else.", provider="ollama"
                ) from None
            raise not_ollama() from None

    def _read(self, part: dict[str, Any]) -> list[StreamEvent]:
        message = part.get("message") or {}
        events: list[StreamEvent] = []
        if thinking := _text(message, "thinking"):
            events.append(ReasoningDelta(thinking))
        if content := _text(message, "content"):
            self._has_text = True
            events.append(TextDelta(content))
        for call in message.get("tool_calls") or ():
            function = call["function"]
            call_id = call.get("id") or f"call-{len(self._calls) + 1}"
            self._calls.append(ToolCall(id=call_id, name=function["name"], arguments=function.get("arguments") or {}))
        if part.get("done"):
            self._done = self._end(part)
        return events

    @property
    def is_done(self) -> bool:
        """Whether the last line has come; what happens to the connection then does no harm."""
        return self._done is not None

    def end(self) -> Done:
        """The last event. A server that stops without saying that it is done has been cut off."""
        if self._done is None:
            raise errors.StreamInterrupted("Ollama ended its answer without a last line.", provider="ollama")
        return self._done

    def _end(self, last: dict[str, Any]) -> Done:
        prompt_tokens, completion_tokens = last.get("prompt_eval_count", 0), last.get("eval_count", 0)
        usage = Usage(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            total_tokens=prompt_tokens + completion_tokens,
            cost_usd=0.0,
        )
        reason: FinishReason = "length" if last.get("done_reason") == "length" else "stop"
        return Done("toolCalls" if self._calls else reason, usage, tuple(self._calls))

    def _in_stream_error(self, text: str) -> errors.ProviderError:
        if self._has_text:
            return errors.StreamInterrupted("Ollama met an error in the middle of its answer.", provider="ollama")
        if "not found" in text:
            return errors.ModelNotFound("Ollama has no such model.", provider="ollama")
        return errors.ProviderRejected("Ollama answered with an error instead of text.", provider="ollama")


def not_ollama() -> errors.ProviderRejected:
    """What answers is something else."""
    return errors.ProviderRejected(
        "The endpoint does not answer as Ollama does.",
        provider="ollama",
        user_message="What answers at this endpoint is not an Ollama server; correct the endpoint in the settings.",
    )


def _text(message: dict[str, Any], name: str) -> str:
    text = message.get(name) or ""
    if not isinstance(text, str):
        raise TypeError
    return text
