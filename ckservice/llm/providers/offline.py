"""The built-in provider: deterministic, no network, no model.

It lets the app, its tests and the first command of the README run anywhere, and it never pretends: an
answer is made of sentences of the conversation itself, its tokens are words, and it costs nothing.
"""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

import anyio
import orjson

from ckservice import errors
from ckservice.llm.provider import Access
from ckservice.llm.providers.draft import draft
from ckservice.llm.structured.dialects import OFFLINE
from ckservice.llm.structured.json_text import find_json
from ckservice.types import (
    ChatRequest,
    Done,
    Embedding,
    FinishReason,
    Message,
    ModelInfo,
    StreamEvent,
    TextDelta,
    ToolCall,
    Usage,
)

MODEL = "offline"

_TOKEN = re.compile(r"\s*\S{1,16}|\s+")
"""A word with the space before it; joined, tokens give back the text. Longer runs are cut."""

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_WORD = re.compile(r"\w{4,}")
_MAX_SENTENCES = 3

_FAULTS: dict[str, type[errors.ProviderError]] = {
    "rateLimited": errors.RateLimited,
    "unavailable": errors.ProviderUnavailable,
    "streamInterrupted": errors.StreamInterrupted,
    "authenticationFailed": errors.AuthenticationFailed,
    "quotaExceeded": errors.QuotaExceeded,
    "contextWindowExceeded": errors.ContextWindowExceeded,
    "contentFiltered": errors.ContentFiltered,
    "modelNotFound": errors.ModelNotFound,
    "rejected": errors.ProviderRejected,
}


class OfflineProvider:
    """Answers from the conversation, at the pace and with the faults that the settings ask for."""

    dialect = OFFLINE

    def __init__(self, access: Access) -> None:
        self._behaviour = access.settings.offline

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        behaviour = self._behaviour
        if request.model != MODEL:
            raise errors.ModelNotFound(f'The offline provider has one model, "{MODEL}".', provider="offline")
        tool_calls = _tool_calls(request)
        text = "" if tool_calls else _answer(request)
        await anyio.sleep(behaviour.first_token_delay_ms / 1000)
        finish_reason: FinishReason = "toolCalls" if tool_calls else "stop"
        count = 0
        for token in _tokens(text):
            if behaviour.fault is not None and count >= behaviour.fault_after_tokens:
                break
            if request.max_tokens is not None and count >= request.max_tokens:
                finish_reason = "length"
                break
            if count and behaviour.token_delay_ms:
                await anyio.sleep(behaviour.token_delay_ms / 1000)
            count += 1
            yield TextDelta(token)
        if behaviour.fault is not None:
            _fail(behaviour.fault)
        yield Done(finish_reason, _usage(request, count), tool_calls)

    async def models(self) -> list[ModelInfo]:
        """The one model there is."""
        return [
            ModelInfo(
                id=MODEL,
                name="Offline: sentences of the conversation, no model",
                provider="offline",
                supports_streaming=True,
                supports_tools=True,
                supports_structured_output=True,
                input_price_per_m_tok=0.0,
                output_price_per_m_tok=0.0,
            )
        ]

    async def probe(self) -> None:
        """Fail if the settings ask for a provider's fault; there is nothing else that could."""
        if self._behaviour.fault in _FAULTS:
            _fail(self._behaviour.fault)

    async def embed(self, texts: Sequence[str], model: str) -> Embedding:  # noqa: ARG002 - whatever they are
        """Fail: vectors without a model would only look as if they meant something."""
        raise errors.ProviderNotConfigured(
            "The offline provider makes no embeddings.",
            provider="offline",
            user_message="No model is connected, so there are no embeddings; choose a provider of embeddings in the "
            "settings. Search goes by words until then.",
        )

    async def count(self, request: ChatRequest) -> int:
        """As many as its answers' usage says."""
        return _count(request)


def _fail(fault: str) -> None:
    error = _FAULTS.get(fault)
    if error is None:
        raise RuntimeError("the offline provider was set to fail with an internal error")
    raise error(
        f'The offline provider was set to fail with "{fault}".',
        provider="offline",
        retry_after=1.0 if fault == "rateLimited" else None,
    )


def _tokens(text: str) -> Iterator[str]:
    return (match.group() for match in _TOKEN.finditer(text))


def _count(request: ChatRequest) -> int:
    return sum(1 for message in request.messages for _ in _tokens(message.content))


def _usage(request: ChatRequest, completion_tokens: int) -> Usage:
    prompt_tokens = _count(request)
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        cost_usd=0.0,
    )


def _tool_calls(request: ChatRequest) -> tuple[ToolCall, ...]:
    """Call a tool only where the host insists on one; which one to choose freely takes a model."""
    choice = request.tool_choice
    if choice in ("auto", "none") or not request.tools:
        return ()
    wanted = request.tools[0].name if isinstance(choice, str) else choice.name
    tool = next(tool for tool in request.tools if tool.name == wanted)
    arguments = draft(tool.parameters, _last_question(request.messages))
    return (ToolCall(id="call-1", name=tool.name, arguments=arguments if isinstance(arguments, dict) else {}),)


def _answer(request: ChatRequest) -> str:
    question = _last_question(request.messages)
    if request.response_format is not None:
        schema = request.response_format.schema_
        return orjson.dumps(draft(schema, question, _before(request.messages, schema))).decode("utf-8")
    others = [message for message in request.messages if message.content != question]
    if extracted := _extract(question, others):
        text = extracted
    elif found := _best_sentences(question, others):
        text = "No model is connected; these sentences of the conversation come closest:\n" + "\n".join(found)
    else:
        text = f"No model is connected; this is the offline provider of ckservice. You wrote: {question}"
    for stop in request.stop:
        text = text.partition(stop)[0] if stop else text
    return text


def _last_question(messages: tuple[Message, ...]) -> str:
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def _before(messages: tuple[Message, ...], schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the last question may be about: an object in the conversation that has what the schema asks for by name."""
    fixed = {name: rule["const"] for name, rule in schema.get("properties", {}).items() if "const" in rule}
    for message in reversed(messages[:-1]):
        found = find_json(message.content)
        if found is not None and isinstance(found[1], dict) and fixed and fixed.items() <= found[1].items():
            return found[1]
    return None


def _extract(question: str, messages: list[Message]) -> str:
    """What the numbered sources in a conversation say, if it has any."""
    texts = [message.content for message in messages if message.content.startswith("<source ")]
    if not texts:
        return ""
    from ckservice.llm.providers.extraction import extract  # noqa: PLC0415 - only for those who ask with sources
    from ckservice.llm.quoting import read_quotations  # noqa: PLC0415 - as above

    sources = [source for text in texts for source in read_quotations(text)]
    return extract(question, sources) if sources else ""


def _best_sentences(question: str, messages: list[Message]) -> list[str]:
    """The sentences that share most words with the question, in the order in which they were said."""
    wanted = {word.lower() for word in _WORD.findall(question)}
    sentences = [found.strip() for message in messages for found in _SENTENCE.findall(message.content)]
    scores = [len(wanted & {word.lower() for word in _WORD.findall(sentence)}) for sentence in sentences]
    best = sorted(range(len(sentences)), key=lambda place: -scores[place])[:_MAX_SENTENCES]
    return [f"- {sentences[place]}" for place in sorted(best) if scores[place]]
