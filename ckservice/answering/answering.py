"""From a question and sources to an answer that cites them, streamed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ckservice.answering.citing import Citation, Citing
from ckservice.answering.prompting import MAX_TOKENS, messages
from ckservice.errors import ContextWindowExceeded
from ckservice.llm.gateway import Gateway
from ckservice.retrieval.ranking.search import Source
from ckservice.settings import ProviderConfig
from ckservice.types import Answer, AnswerEvent, ChatRequest, Progress, TextDelta, Usage

_NOTHING_FOUND = "Nothing in this repository matches the question; ask in other words, or name an entity by its id."
_NO_USAGE = Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0, cost_usd=0.0)


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer.

    Attributes:
        text: all that was streamed; each mark in it names one source.
        citations: the marks, in the order of the text. Without any, the sources do not hold the answer.
        answer: as the gateway gave it; its content has the marks that the model wrote.
    """

    text: str
    citations: tuple[Citation, ...]
    answer: Answer


async def answer(
    gateway: Gateway, question: str, sources: Sequence[Source], config: ProviderConfig
) -> AsyncGenerator[AnswerEvent | Answered]:
    """Answer a question from sources alone; the last event is `Answered`. Without sources no model is asked.

    Args:
        gateway: that asks the model.
        question: of the user.
        sources: that the model is given, the most relevant first; all of them, as `prompting.fitting` left them.
        config: resolved.

    Raises:
        ProviderError: no provider answered, or one stopped in the middle.
        BudgetExceeded: the answer might cost more than the settings allow.
    """
    citing = Citing(len(sources))
    asked = _ask(gateway, question, sources, config) if sources else _nothing_found(config)
    async with aclosing(asked) as events:
        async for event in events:
            match event:
                case TextDelta():
                    if text := citing.feed(event.text):
                        yield TextDelta(text)
                case Answer():
                    if text := citing.end():
                        yield TextDelta(text)
                    yield Answered(citing.text, citing.citations, event)
                case _:
                    yield event


async def _ask(
    gateway: Gateway, question: str, sources: Sequence[Source], config: ProviderConfig
) -> AsyncGenerator[AnswerEvent]:
    """Ask, and once more with a prompt of half the size where the model's context is too small."""
    has_begun = False
    try:
        async with aclosing(_stream(gateway, question, sources, config, MAX_TOKENS)) as events:
            async for event in events:
                has_begun = has_begun or not isinstance(event, Progress)
                yield event
    except ContextWindowExceeded as error:
        if has_begun:
            raise
        failure = error.message
    else:
        return
    yield Progress("retry", f"{failure} Asking again with shorter sources.")
    async with aclosing(_stream(gateway, question, sources, config, MAX_TOKENS // 2)) as events:
        async for event in events:
            yield event


def _stream(
    gateway: Gateway, question: str, sources: Sequence[Source], config: ProviderConfig, max_tokens: int
) -> AsyncGenerator[AnswerEvent]:
    return gateway.stream(ChatRequest(messages(question, sources, max_tokens), model=config.model or ""), config)


async def _nothing_found(config: ProviderConfig) -> AsyncGenerator[AnswerEvent]:
    yield TextDelta(_NOTHING_FOUND)
    yield Answer(
        content=_NOTHING_FOUND,
        parsed=None,
        finish_reason="stop",
        usage=_NO_USAGE,
        tool_calls=(),
        provider=config.provider or "offline",
        model=config.model or "",
        attempts=0,
    )
