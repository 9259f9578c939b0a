"""Tokens as OpenAI counts them. Its two APIs, and that of embeddings, have names of their own for the same counts.

https://platform.openai.com/docs/api-reference/responses/object
https://platform.openai.com/docs/api-reference/chat/object
"""

from typing import Any

from ckservice.types import Usage

_MAX_COUNT = 2**53
"""Larger numbers are no counts, and not every reader of JSON can tell them apart."""


def usage(told: Any) -> Usage:
    """The tokens of an answer, or of vectors; what is not told, or is no count, is zero or unknown."""
    prompt = _count(told, "input_tokens", "prompt_tokens") or 0
    completion = _count(told, "output_tokens", "completion_tokens") or 0
    read = _member(told, "input_tokens_details") or _member(told, "prompt_tokens_details")
    written = _member(told, "output_tokens_details") or _member(told, "completion_tokens_details")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_count(told, "total_tokens") or prompt + completion,
        cached_tokens=_count(read, "cached_tokens"),
        cache_write_tokens=_count(read, "cache_write_tokens"),
        reasoning_tokens=_count(written, "reasoning_tokens"),
        cost_usd=None,
    )


def _count(members: Any, *names: str) -> int | None:
    """A count by any of its names; some servers send both, and zero for one of them."""
    values = [_member(members, name) for name in names]
    counts = [value for value in values if type(value) is int and 0 <= value < _MAX_COUNT]
    return max(counts, default=None)


def _member(members: Any, name: str) -> Any:
    return members.get(name) if isinstance(members, dict) else None
