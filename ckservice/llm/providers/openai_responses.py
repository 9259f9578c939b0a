"""The Responses API: what is said to OpenAI, and what it says.

https://platform.openai.com/docs/api-reference/responses
https://platform.openai.com/docs/api-reference/responses-streaming

Nothing is stored there: a conversation is told whole each time, and what a model has thought before it called tools
goes back to it as it came, encrypted. The API has no stop sequences, and no names for speakers.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from ckservice import errors
from ckservice.llm.endpoint import Endpoint
from ckservice.llm.failures import not_the_api, title
from ckservice.llm.framing import Record
from ckservice.llm.providers.openai_errors import from_stream
from ckservice.llm.providers.openai_usage import usage
from ckservice.llm.providers.tool_calls import parse_arguments
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
    ToolCall,
)

_REASONING_MODEL = re.compile(r"(o\d|gpt-([5-9]|\d\d))(?!.*chat)")
"""Models that think before they answer; others refuse to be asked about it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that called tools: the output of a model, to be shown to the same one again as it came."""

    model: str
    call_ids: frozenset[str]
    items: tuple[dict[str, Any], ...]


def request_body(
    request: ChatRequest, *, refused: Collection[str], turns: Mapping[str, Any], base_model: str | None = None
) -> dict[str, Any]:
    """The JSON that asks for an answer.

    Args:
        request: the question; its stop sequences have no place here.
        refused: parameters that are not to be sent; of those with a dot, the part before it.
        turns: what `ResponsesReply` has remembered at the endpoint, by the id of a tool call.
        base_model: the model, where `request.model` is another name for it.
    """
    is_reasoning = _REASONING_MODEL.match(base_model or request.model) is not None
    options = {
        "temperature": request.temperature,
        "max_output_tokens": request.max_tokens,
        "tools": [_tool(tool.model_dump()) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request) if request.tools else None,
        "text": _text_format(request),
        "reasoning": {"summary": "auto"} if is_reasoning else None,
        "include": ["reasoning.encrypted_content"] if is_reasoning and request.tools else None,
    }
    left_out = {name.partition(".")[0] for name in refused}
    return {
        "model": request.model,
        "input": [item for message in request.messages for item in _items(message, request.model, turns)],
        "stream": True,
        "store": False,
        **{name: value for name, value in options.items() if value is not None and name not in left_out},
    }


def _tool(members: dict[str, Any]) -> dict[str, Any]:
    """Not strict, which is the default here: the schema is somebody else's, and may not be of that kind."""
    return {"type": "function", "strict": False, **members}


def _tool_choice(request: ChatRequest) -> Any:
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        return {"type": "function", "name": choice.name}
    return None if choice == "auto" else choice


def _text_format(request: ChatRequest) -> Any:
    if (wanted := request.response_format) is None:
        return None
    form = {"type": "json_schema", "name": wanted.name, "schema": wanted.schema_, "strict": request.strict}
    return {"format": form}


def _items(message: Message, model: str, turns: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """A message as items. System messages stay where they are, which `instructions` would not let them."""
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id or "", "output": message.content}
        return
    calls = message.tool_calls or []
    if calls and (items := _as_it_came(calls, model, turns)):
        yield from items
        return
    if message.content or not calls:
        yield {"role": message.role, "content": message.content}
    for call in calls:
        arguments = orjson.dumps(call.arguments).decode()
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def _as_it_came(calls: list[ToolCall], model: str, turns: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The items of the turn that made these calls and no others; none where it is not remembered."""
    turn = turns.get(calls[0].id)
    if not isinstance(turn, Turn) or turn.model != model:
        return ()
    return turn.items if turn.call_ids == {call.id for call in calls} else ()


class ResponsesReply:
    """What has come of an answer, event by event; a `ckservice.llm.reading.Reply`.

    A model that refuses is an error, `ContentFiltered`, unless it has said something before: then its answer ends
    with `contentFilter`.
    """

    def __init__(self, provider: ProviderName, endpoint: Endpoint, model: str) -> None:
        self.is_done = False
        self._provider = provider
        self._endpoint = endpoint
        self._model = model
        self._items: list[dict[str, Any]] = []
        self._calls: list[ToolCall] = []
        self._has_text = False
        self._has_refused = False
        self._done: Done | None = None

    def take(self, record: Record) -> Iterable[StreamEvent] | None:
        if self.is_done or record.data == b"[DONE]":
            return None
        try:
            event = orjson.loads(record.data)
            kind = event.get("type") or (event["error"] and "error")
            if kind == "response.output_text.delta":  # nearly all there are
                return self._text(event["delta"])
            read = self._READERS.get(kind)
            return read(self, event) if read is not None else None
        except (AttributeError, LookupError, TypeError, ValueError):
            if self._has_text:
                reason = f"{title(self._provider)}'s answer turned into something else."
                raise errors.StreamInterrupted(reason, provider=self._provider) from None
            raise not_the_api(self._provider) from None

    def end(self) -> Done:
        if self._done is None:
            reason = f"{title(self._provider)} ended its answer without saying that it is complete."
            raise errors.StreamInterrupted(reason, provider=self._provider)
        return self._done

    def _text(self, text: Any) -> Iterable[StreamEvent]:
        if type(text) is not str:
            raise TypeError
        if not text:
            return ()
        self._has_text = True
        return (TextDelta(text),)

    def _reasoning(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        text = event["delta"]
        if type(text) is not str:
            raise TypeError
        return (ReasoningDelta(text),) if text else ()

    def _reasoning_part(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        """Parts of a summary are paragraphs."""
        return (ReasoningDelta("\n\n"),) if event.get("summary_index") else ()

    def _refusal(self, _event: dict[str, Any]) -> Iterable[StreamEvent]:
        if not self._has_text:
            raise self._refused()
        self._has_refused = True
        return ()

    def _item(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        item = event["item"]
        self._items.append(item)
        if item["type"] == "function_call":
            self._calls.append(self._call(item))
        return self._text_of(item) if item["type"] == "message" and not self._has_text else ()

    def _text_of(self, item: dict[str, Any]) -> Iterable[StreamEvent]:
        """The text of a message of which no pieces came."""
        parts = item.get("content") or ()
        if any(part["type"] == "refusal" for part in parts):
            raise self._refused()
        return self._text("".join(part["text"] for part in parts if part["type"] == "output_text"))

    def _call(self, item: dict[str, Any]) -> ToolCall:
        arguments = parse_arguments(item.get("arguments") or "", self._provider)
        call_id = item.get("call_id") or item.get("id") or f"call-{len(self._calls) + 1}"
        return ToolCall(id=call_id, name=item["name"], arguments=arguments)

    def _completed(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        if event["response"].get("status") == "incomplete":  # not all servers have an event for that
            return self._incomplete(event)
        events = self._missed(event["response"])
        self._remember()
        self._end("contentFilter" if self._has_refused else "toolCalls" if self._calls else "stop", event["response"])
        return events

    def _remember(self) -> None:
        """Thoughts that came without their encrypted form can't be shown again, nor what followed from them."""
        is_whole = all(item.get("encrypted_content") for item in self._items if item["type"] == "reasoning")
        if self._calls and is_whole:
            call_ids = [call.id for call in self._calls]
            self._endpoint.remember_turn(call_ids, Turn(self._model, frozenset(call_ids), tuple(self._items)))

    def _missed(self, response: dict[str, Any]) -> list[StreamEvent]:
        """Events for output that only the last event tells of, as some servers do."""
        items = () if self._items or self._has_text else response.get("output") or ()
        return [event for item in items for event in self._item({"item": item})]

    def _incomplete(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        response = event["response"]
        is_filtered = (response.get("incomplete_details") or {}).get("reason") == "content_filter"
        self._end("contentFilter" if is_filtered or self._has_refused else "length", response)
        return ()

    def _end(self, finish_reason: FinishReason, response: dict[str, Any]) -> None:
        self._done = Done(finish_reason, usage(response.get("usage")), tuple(self._calls))
        self.is_done = True

    def _failed(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        raise from_stream(self._provider, event["response"], has_text=self._has_text)

    def _error(self, event: dict[str, Any]) -> Iterable[StreamEvent]:
        raise from_stream(self._provider, event, has_text=self._has_text)

    def _refused(self) -> errors.ContentFiltered:
        return errors.ContentFiltered(f"{title(self._provider)}'s model refused to answer.", provider=self._provider)

    _READERS: ClassVar[dict[str, Callable[["ResponsesReply", dict[str, Any]], Iterable[StreamEvent]]]] = {
        "response.reasoning_summary_text.delta": _reasoning,
        "response.reasoning_text.delta": _reasoning,
        "response.reasoning_summary_part.added": _reasoning_part,
        "response.refusal.delta": _refusal,
        "response.refusal.done": _refusal,
        "response.function_call_arguments.delta": lambda _reply, _event: (),
        "response.output_item.done": _item,
        "response.completed": _completed,
        "response.incomplete": _incomplete,
        "response.failed": _failed,
        "error": _error,
    }
    """All other events tell nothing that these don't."""
