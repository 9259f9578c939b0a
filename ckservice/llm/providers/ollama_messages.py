"""What is said to Ollama and what it says, apart from how it gets there.

https://docs.ollama.com/api

`num_ctx`, the length of the context, is left to the server, where people set it once for all that use it (in the app,
in OLLAMA_CONTEXT_LENGTH, in a Modelfile): a length of ours would load the model anew each time that another program
had used it, and could ask for more memory than there is. A prompt that is too long is refused, not cut.
"""

import os
import re
from typing import Any, NamedTuple

import orjson

from ckservice import errors
from ckservice.llm.failures import not_the_api
from ckservice.llm.framing import Record
from ckservice.types import (
    ChatRequest,
    Done,
    FinishReason,
    Message,
    ModelInfo,
    NamedTool,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolDefinition,
    Usage,
)


def chat_body(request: ChatRequest) -> dict[str, Any]:
    """The JSON that asks `/api/chat` for an answer."""
    options = {
        "temperature": request.temperature,
        "num_predict": request.max_tokens,
        "stop": list(request.stop) or None,
    }
    names: dict[str, str] = {}
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, names) for message in request.messages],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {name: value for name, value in options.items() if value is not None},
    }
    if tools := _tools(request):
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in tools
        ]
    if request.response_format is not None:
        body["format"] = request.response_format.schema_
        body["think"] = False  # what a model thinks aloud does not fit the form
    return body


def _tools(request: ChatRequest) -> list[ToolDefinition]:
    """Those that may be called: Ollama knows no other way to express a choice."""
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        return [tool for tool in request.tools if tool.name == choice.name]
    return [] if choice == "none" else list(request.tools)


def _message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    """A message; `names` holds those of the tools that have been called so far, by the id of the call."""
    members: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        names.update((call.id, call.name) for call in message.tool_calls)
        members["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.role == "tool":
        call_id = message.tool_call_id or ""
        told = {"tool_name": message.name or names.get(call_id), "tool_call_id": call_id}
        members.update((name, value) for name, value in told.items() if value)
    return members


def parse(data: bytes) -> dict[str, Any]:
    """Read an answer, or a line of one.

    Raises:
        ValueError: it is no JSON object.
    """
    value = orjson.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the caller can't tell it from other nonsense
    return value


def model_infos(answer: dict[str, Any]) -> list[ModelInfo]:
    """The models in an answer of `/api/tags`.

    Raises:
        ValueError: it is no such answer.
    """
    listed = answer.get("models", "missing") or []  # a server without models may say null
    if not isinstance(listed, list):
        raise ValueError("not a list of models")  # noqa: TRY004 - as above
    return [_model_info(entry) for entry in listed if isinstance(entry, dict) and isinstance(entry.get("name"), str)]


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    given, details = entry.get("capabilities"), entry.get("details")
    capabilities = given if isinstance(given, list) else None
    window = details.get("context_length") if isinstance(details, dict) else None
    runs_in_the_cloud = bool(entry.get("remote_host"))  # which does not enforce a form
    return ModelInfo(
        id=entry["name"],
        name=entry["name"],
        provider="ollama",
        context_window=window if type(window) is int and window > 0 else None,
        supports_streaming=True,
        supports_tools=None if capabilities is None else "tools" in capabilities,
        supports_structured_output=not runs_in_the_cloud and (capabilities is None or "completion" in capabilities),
        input_price_per_m_tok=0.0,
        output_price_per_m_tok=0.0,
    )


def vectors(answer: dict[str, Any], wanted: int) -> list[list[float]]:
    """The vectors in an answer of `/api/embed`.

    Raises:
        ValueError: they are not as many as wanted, not of one length, or no vectors.
    """
    found = answer.get("embeddings")
    if not isinstance(found, list) or len(found) != wanted:
        raise ValueError("not as many vectors as texts")
    for vector in found:
        if not isinstance(vector, list) or not vector or set(map(type, vector)) - {float, int}:
            raise ValueError("not a vector of numbers")
    if len(set(map(len, found))) != 1:
        raise ValueError("vectors of different lengths")
    return found


def usage(answer: dict[str, Any]) -> Usage:
    """The tokens of an answer. They cost nothing: Ollama's cloud is paid by the month.

    Raises:
        ValueError: the counts are none.
    """
    prompt_tokens, completion_tokens = (answer.get(name) or 0 for name in ("prompt_eval_count", "eval_count"))
    if {type(prompt_tokens), type(completion_tokens)} != {int}:
        raise ValueError("not a count")
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        cost_usd=0.0,
    )


class ChatReply:
    """What has come of an answer of `/api/chat`, line by line."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._has_text = False
        self._calls: list[ToolCall] = []
        self._done: Done | None = None

    @property
    def is_done(self) -> bool:
        return self._done is not None

    def take(self, record: Record) -> list[StreamEvent] | None:
        try:
            part = parse(record.data)
            if not part.get("error"):
                return self._events(part)
        except (AttributeError, LookupError, TypeError, ValueError):
            if not self._has_text:
                raise not_the_api("ollama") from None
            raise errors.StreamInterrupted("Ollama's answer turned into something else.", provider="ollama") from None
        if self._has_text:
            raise errors.StreamInterrupted("Ollama met an error in the middle of its answer.", provider="ollama")
        raise _in_stream(str(part["error"]), self._model)

    def end(self) -> Done:
        if self._done is None:
            raise errors.StreamInterrupted("Ollama ended its answer without a last line.", provider="ollama")
        return self._done

    def _events(self, part: dict[str, Any]) -> list[StreamEvent] | None:
        message = part.get("message") or {}
        if not message and "done" not in part:
            raise LookupError
        events: list[StreamEvent] = []
        if thinking := _text(message, "thinking"):
            events.append(ReasoningDelta(thinking))
        if content := _text(message, "content"):
            self._has_text = True
            events.append(TextDelta(content))
        for call in message.get("tool_calls") or ():
            function = call["function"]
            call_id = call.get("id") or f"call-{os.urandom(6).hex()}"
            self._calls.append(ToolCall(id=call_id, name=function["name"], arguments=function.get("arguments") or {}))
        if part.get("done"):
            reason: FinishReason = "length" if part.get("done_reason") == "length" else "stop"
            self._done = Done("toolCalls" if self._calls else reason, usage(part), tuple(self._calls))
        return events or None


def _text(message: dict[str, Any], name: str) -> str:
    text = message.get(name) or ""
    if not isinstance(text, str):
        raise TypeError
    return text


class Explanation(NamedTuple):
    """What is to be made of a text in which Ollama tells what is wrong; the text itself is shown to nobody."""

    kind: type[errors.ProviderError]
    user_message: str | None = None
    is_transient: bool | None = None


_EXPLANATIONS = (
    (
        r"context (length|size|window)|exceeds the available context|prompt (is )?too long|input length",
        Explanation(
            errors.ContextWindowExceeded,
            "That is more text than the context in Ollama holds; shorten it, or raise the context length in the "
            "settings of Ollama (OLLAMA_CONTEXT_LENGTH).",
        ),
    ),
    (
        r"more system memory|out of memory",
        Explanation(
            errors.ProviderUnavailable,
            "There is not enough memory for this model; close other programs, or choose a smaller model.",
            is_transient=False,
        ),
    ),
    (
        r"does not support (tools|chat|generate|embeddings?|completion)",
        Explanation(
            errors.ProviderRejected,
            "This model of Ollama can't do what is asked of it (chat, tools or embeddings); choose another.",
        ),
    ),
    (r"grammar|schema|required for format", Explanation(errors.FormatRefused)),
    (
        r"usage limit|requires a subscription|upgrade for",
        Explanation(
            errors.QuotaExceeded,
            "Your plan at Ollama is used up, or is without this model; change the plan, or choose another model.",
        ),
    ),
    (
        r"cloud is disabled",
        Explanation(
            errors.ProviderRejected, "Models in the cloud are turned off in Ollama; turn them on, or choose another."
        ),
    ),
)


def explain(text: str) -> Explanation | None:
    """What a text says beyond a status; `None` where that is nothing."""
    return next((found for pattern, found in _EXPLANATIONS if re.search(pattern, text, re.IGNORECASE)), None)


def get_model(model: str) -> str:
    """What to tell a person whose model is not there."""
    return f'Ollama has no model "{model}"; get it with "ollama pull {model}", or choose another.'


SIGN_IN = 'Ollama wants to know who asks; run "ollama signin", or enter a key in the settings.'


def _in_stream(text: str, model: str) -> errors.ProviderError:
    """The error for an error that stands where text should: then there is no status that says more."""
    found = explain(text)
    if found is None and re.search(r"model.* not found", text, re.IGNORECASE):
        found = Explanation(errors.ModelNotFound, get_model(model))
    elif found is None and re.search(r"unauthorized", text, re.IGNORECASE):
        found = Explanation(errors.AuthenticationFailed, SIGN_IN)
    elif found is None and re.search(r"rate limit|too many", text, re.IGNORECASE):
        found = Explanation(errors.RateLimited)
    kind, user_message, is_transient = found or Explanation(errors.ProviderUnavailable)
    return kind(
        "Ollama answered with an error instead of text.",
        provider="ollama",
        user_message=user_message,
        is_transient=is_transient,
    )
