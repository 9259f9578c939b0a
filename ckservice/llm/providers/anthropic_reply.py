"""What Anthropic says, apart from how it gets here.

https://platform.claude.com/docs/en/build-with-claude/streaming
https://platform.claude.com/docs/en/api/errors
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ckservice import errors
from ckservice.llm.endpoint import Endpoint
from ckservice.llm.failures import not_the_api
from ckservice.llm.framing import Record
from ckservice.llm.providers.anthropic_messages import is_blank
from ckservice.llm.providers.tool_calls import parse_arguments
from ckservice.types import ChatRequest, Done, FinishReason, ReasoningDelta, StreamEvent, TextDelta, ToolCall, Usage

_UNFINISHED: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # said of tools that run at Anthropic, which are never asked for
    "refusal": "contentFilter",
}
"""Reasons to stop that leave an answer incomplete."""

_KINDS: dict[str, type[errors.ProviderError]] = {
    "authentication_error": errors.AuthenticationFailed,
    "permission_error": errors.AuthenticationFailed,
    "billing_error": errors.QuotaExceeded,
    "not_found_error": errors.ModelNotFound,
    "request_too_large": errors.ContextWindowExceeded,
    "rate_limit_error": errors.RateLimited,
    "timeout_error": errors.ProviderUnavailable,
    "api_error": errors.ProviderUnavailable,
    "overloaded_error": errors.ProviderUnavailable,
}

_TELLING: tuple[tuple[str, type[errors.ProviderError]], ...] = (
    ("credit balance", errors.QuotaExceeded),
    ("usage limits", errors.QuotaExceeded),
    ("prompt is too long", errors.ContextWindowExceeded),
    ("context limit", errors.ContextWindowExceeded),
    ("content filtering policy", errors.ContentFiltered),
)
"""What tells requests apart that are all of type `invalid_request_error`, without a code."""

_OF_A_FORM = ("output_config", "output_format", "output format", "structured output", "schema", "grammar")


def kind_of(error: Mapping[str, Any], *, is_strict: bool) -> type[errors.ProviderError] | None:
    """The kind of an error object; `None` where it tells no more than its HTTP status does.

    Args:
        error: `{type, message, details}`, whatever their values.
        is_strict: whether the request asked to enforce a form.
    """
    details, text = error.get("details"), str(error.get("message")).lower()
    code = details.get("error_code") if isinstance(details, dict) else None
    if isinstance(code, str) and code.endswith("spend_limit_reached"):  # of type `rate_limit_error`
        return errors.QuotaExceeded
    if error.get("type") != "invalid_request_error":
        return _KINDS.get(str(error.get("type")))
    found = next((kind for telling, kind in _TELLING if telling in text), None)
    return found or (errors.FormatRefused if is_strict and any(word in text for word in _OF_A_FORM) else None)


class Reply:
    """What has come of an answer, event by event.

    The answer is whole once its reason to stop has come: a stream that ends cleanly behind that lacks nothing.

    Args:
        request: what was asked.
        endpoint: where a turn that calls tools is kept, to be shown again verbatim.
        request_id: Anthropic's own name for the request.
    """

    def __init__(self, request: ChatRequest, endpoint: Endpoint, request_id: str | None) -> None:
        self.is_done = False
        self._request = request
        self._endpoint = endpoint
        self._request_id = request_id
        self._has_text = False
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: defaultdict[int, list[str]] = defaultdict(list)
        self._usage: dict[str, Any] = {}
        self._stop_reason: str | None = None

    def take(self, record: Record) -> Sequence[StreamEvent] | None:
        try:
            event = orjson.loads(record.data)
            kind = event["type"]
            if kind == "content_block_delta":
                return self._take_piece(event["index"], event["delta"])
            if kind == "content_block_start":
                return self._take_start(event["index"], event["content_block"])
            if kind == "message_start":
                self._count(event["message"].get("usage"))
            elif kind == "message_delta":
                self._stop_reason = event["delta"].get("stop_reason") or self._stop_reason
                self._count(event.get("usage"))
            elif kind == "message_stop":
                self.is_done = True
            elif kind == "error":
                raise self._failure(event["error"])
        except (AttributeError, LookupError, TypeError, ValueError):
            raise self._nonsense() from None
        return None

    def _take_start(self, index: int, block: dict[str, Any]) -> Sequence[StreamEvent] | None:
        self._blocks[index] = block
        kind = block["type"]
        return self._take_piece(index, {**block, "type": f"{kind}_delta"}) if kind in ("text", "thinking") else None

    def _take_piece(self, index: int, delta: dict[str, Any]) -> Sequence[StreamEvent] | None:
        kind = delta["type"]
        if kind == "text_delta":
            text = _string(delta["text"])
            self._pieces[index].append(text)
            self._has_text = self._has_text or bool(text)
            return (TextDelta(text),) if text else None
        if kind == "thinking_delta":
            text = _string(delta["thinking"])
            self._pieces[index].append(text)
            return (ReasoningDelta(text),) if text else None
        if kind == "input_json_delta":
            self._pieces[index].append(_string(delta["partial_json"]))
        elif kind == "signature_delta":
            self._blocks[index]["signature"] = delta["signature"]
        return ()

    def _count(self, usage: dict[str, Any] | None) -> None:
        """Counts are cumulative; a later one replaces an earlier one."""
        self._usage.update({name: count for name, count in (usage or {}).items() if count is not None})

    def end(self) -> Done:
        if not self.is_done and self._stop_reason is None:
            raise errors.StreamInterrupted("Anthropic ended its answer too soon.", provider="anthropic")
        reason = self._stop_reason or "end_turn"
        if not self._has_text and reason in ("refusal", "model_context_window_exceeded"):
            raise self._nothing(reason)
        try:
            usage = _usage(self._usage)
            if reason in _UNFINISHED:  # its last block may be cut in the middle
                return Done(_UNFINISHED[reason], usage)
            turn = [block for block in map(self._block, self._blocks) if block is not None]
            calls = tuple(
                ToolCall(id=block["id"], name=block["name"], arguments=block["input"])
                for block in turn
                if block["type"] == "tool_use"
            )
        except (AttributeError, LookupError, TypeError, ValueError):
            raise errors.StreamInterrupted("Anthropic's answer does not hold together.", provider="anthropic") from None
        self._endpoint.remember_turn([call.id for call in calls], turn)
        return Done("toolCalls" if calls else "stop", usage, calls)

    def _block(self, index: int) -> dict[str, Any] | None:
        """A block as it is to be shown again; `None` where it would be refused."""
        block, text = self._blocks[index], "".join(self._pieces[index])
        match block["type"]:
            case "text":
                return None if is_blank(text) else {**block, "text": text}
            case "thinking":
                return {**block, "thinking": text}
            case "tool_use":
                return {**block, "input": parse_arguments(text, "anthropic") if text else block.get("input") or {}}
            case "redacted_thinking":
                return block
        return None

    def _failure(self, error: Mapping[str, Any]) -> errors.ProviderError:
        """The error that an event tells of, under a status of 200."""
        if self._has_text:
            return errors.StreamInterrupted(
                "Anthropic met an error in the middle of its answer.",
                provider="anthropic",
                upstream_request_id=self._request_id,
            )
        is_ours = error.get("type") == "invalid_request_error"
        kind = kind_of(error, is_strict=self._request.strict)
        return (kind or (errors.ProviderRejected if is_ours else errors.ProviderUnavailable))(
            "Anthropic answered with an error instead of text.",
            provider="anthropic",
            upstream_request_id=self._request_id,
        )

    def _nothing(self, reason: str) -> errors.ProviderError:
        kind = errors.ContentFiltered if reason == "refusal" else errors.ContextWindowExceeded
        return kind(f"Anthropic gave no answer: {reason}.", provider="anthropic", upstream_request_id=self._request_id)

    def _nonsense(self) -> errors.ProviderError:
        if self._has_text:
            return errors.StreamInterrupted("Anthropic's answer turned into something else.", provider="anthropic")
        return not_the_api("anthropic")


def _usage(counts: Mapping[str, Any]) -> Usage:
    """Tokens that were read from the cache, or written to it, are not among `input_tokens`."""
    cached, written = counts.get("cache_read_input_tokens"), counts.get("cache_creation_input_tokens")
    prompt_tokens = counts.get("input_tokens", 0) + (cached or 0) + (written or 0)
    completion_tokens = counts.get("output_tokens", 0)
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=counts.get("output_tokens_details", {}).get("thinking_tokens"),
        cost_usd=None,
    )


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
