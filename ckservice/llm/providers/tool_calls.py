"""Tool calls that come in pieces, put together."""

import logging
import os
from dataclasses import dataclass, field
from typing import Any

import orjson

from ckservice.nesting import is_deeper
from ckservice.types import ProviderName, ToolCall

log = logging.getLogger(__name__)

UNPARSED = "$unparsed"
"""Stands in the arguments of a call, alone, for text that is no JSON object: whoever checks them finds it wrong, and
can tell the model, which mends it."""

_MAX_DEPTH = 100
"""Deeper JSON can be read, but not written again."""

_MAX_CALLS = 1024


def parse_arguments(text: str, provider: ProviderName) -> dict[str, Any]:
    """A call's arguments, whatever the model has written; see `UNPARSED`."""
    try:
        value = orjson.loads(text.strip() or "{}")
        if isinstance(value, str):  # encoded twice
            value = orjson.loads(value.strip() or "{}")
    except orjson.JSONDecodeError:
        value = text
    if value is None:
        return {}
    if isinstance(value, dict) and not is_deeper(value, _MAX_DEPTH):
        return value
    log.warning("the arguments of a tool call are no JSON object", extra={"provider": provider})
    return {UNPARSED: text}


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def is_whole(self) -> bool:
        """Whether nothing more can come of its arguments."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        self.arguments = ["".join(self.arguments)]  # looking each time at each piece would take quadratic time
        try:
            return isinstance(orjson.loads(self.arguments[0]), dict)
        except orjson.JSONDecodeError:
            return False


class ToolCalls:
    """The `tool_calls` in the deltas of a Chat Completions stream.

    https://platform.openai.com/docs/api-reference/chat-streaming. OpenAI gives each call an `index` that all its
    fragments bear, and an `id` and a name that only the first one does. Elsewhere there may be no index, or always 0
    for calls that come whole; no id, or another one with each fragment; the name each time, or in fragments; and
    arguments that are an object.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def add(self, fragment: dict[str, Any], place: int) -> None:
        """Take in a fragment; `place` is where it stands in its delta.

        Raises:
            AttributeError, TypeError: it is none.
            ValueError: it begins more calls than any model makes.
        """
        function = fragment.get("function") or {}
        call_id, name, arguments = fragment.get("id") or "", function.get("name") or "", function.get("arguments")
        if not (isinstance(call_id, str) and isinstance(name, str)):
            raise TypeError
        if arguments is not None and not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode()
        index = fragment.get("index")
        call = self._find(index, call_id, is_first=bool(name and (call_id or place)))
        if call is None or _begins_another(call, call_id, name, arguments):
            if len(self._calls) == _MAX_CALLS:
                raise ValueError("there is no end of tool calls")
            call = _Call(call_id)
            self._calls.append(call)
        if isinstance(index, int):
            self._by_index[index] = call
        if call_id and call.id in ("", call_id):
            call.id = call_id
            self._by_id[call_id] = call
        if name != call.name:
            call.name += name
        if arguments:
            call.arguments.append(arguments)
        if isinstance(extra := fragment.get("extra_content"), dict):
            call.extra["extra_content"] = extra

    def finished(self, provider: ProviderName) -> tuple[tuple[ToolCall, ...], dict[str, dict[str, Any]]]:
        """The calls, each with an id of its own, and what a server wants to see again of them, by id."""
        calls: dict[str, ToolCall] = {}
        extras = {}
        for call in self._calls:
            if not (call.name or call.arguments):
                continue
            call_id = call.id if call.id and call.id not in calls else f"call_{os.urandom(12).hex()}"
            arguments = parse_arguments("".join(call.arguments), provider)
            calls[call_id] = ToolCall(id=call_id, name=call.name, arguments=arguments)
            if call.extra:
                extras[call_id] = call.extra
        return tuple(calls.values()), extras

    def _find(self, index: Any, call_id: str, *, is_first: bool) -> _Call | None:
        """The call that a fragment belongs to, as far as its index and its id tell."""
        if isinstance(index, int):
            return self._by_index.get(index)
        if call_id in self._by_id:
            return self._by_id[call_id]
        return self._calls[-1] if self._calls and not is_first else None


def _begins_another(call: _Call, call_id: str, name: str, arguments: str | None) -> bool:
    """Whether a fragment with the index of a call, or with none, is the beginning of the next one."""
    if not name or (arguments and not arguments.lstrip().startswith("{")):
        return False
    is_same, is_other = bool(call_id) and call_id == call.id, call_id and call.id and call_id != call.id
    if name != call.name:
        return bool(is_other) or call.is_whole()
    return bool(arguments or call_id) and not is_same and call.is_whole()
