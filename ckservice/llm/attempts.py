"""Asking a provider until it answers: retries, in one place.

A provider is asked again only before the first piece of its answer: what the host has seen can't be unsaid.
"""

import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TypeVar

import anyio

from ckservice import errors
from ckservice.llm.budget import Budget, Charge
from ckservice.llm.endpoint import Endpoint
from ckservice.llm.estimate import estimate_text, estimate_tokens
from ckservice.llm.failures import title
from ckservice.llm.prices import cost
from ckservice.llm.provider import Provider
from ckservice.metrics import Metrics
from ckservice.settings import LimitSettings, ProviderConfig
from ckservice.text import Text
from ckservice.types import Answer, AnswerEvent, ChatRequest, Done, Embedding, Progress, TextDelta, Usage

log = logging.getLogger(__name__)

T = TypeVar("T")

Ask = Callable[[ChatRequest], AsyncGenerator[AnswerEvent]]
"""Anything that answers a request with a stream that ends in an `Answer`."""

_MOST_TOKENS = 2**40
_BASE_SECONDS = 0.5
_MOST_SECONDS = 60
"""A provider that asks to wait for longer is not waited for."""


@dataclass(slots=True)
class Tally:
    """How many times providers have been asked for one answer."""

    asked: int = 0


@dataclass(frozen=True, slots=True)
class Attempts:
    """Asks one provider, several times if need be."""

    provider: Provider
    config: ProviderConfig
    endpoint: Endpoint
    limits: LimitSettings
    metrics: Metrics
    budget: Budget
    tally: Tally

    def stream(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent]:
        """Answer a request.

        Raises:
            ProviderError: the provider failed for good, or too often, or in the middle of its answer.
            BudgetExceeded: the answer might cost more than the settings allow.
        """
        reserve = partial(
            self.budget.reserve, self.config, request.model, estimate_tokens(request), request.max_tokens or 0
        )
        return self._retried(partial(self._answered, request), reserve)

    async def embed(self, texts: Sequence[str], model: str) -> Embedding:
        """Turn texts into vectors.

        Raises:
            ProviderError: the provider failed for good, or too often.
            BudgetExceeded: they might cost more than the settings allow.
        """
        reserve = partial(self.budget.reserve, self.config, model, sum(map(estimate_text, texts)))
        async with aclosing(self._retried(partial(self._embedded, texts, model), reserve)) as events:
            return [event async for event in events if isinstance(event, Embedding)][-1]

    async def _retried(
        self, ask: Callable[[], AsyncGenerator[T]], reserve: Callable[[], AbstractContextManager[Charge]]
    ) -> AsyncGenerator[T | Progress]:
        name = title(self.endpoint.provider)
        for number in range(1, self.limits.max_attempts + 1):
            if pause := self._pause():
                yield Progress("waiting", f"{name} asks to wait for {pause:.0f} s.")
                await anyio.sleep(pause)
            has_begun = False
            try:
                async with aclosing(self._once(ask, reserve)) as events:
                    async for event in events:
                        has_begun = True
                        yield event
            except errors.ProviderError as error:
                delay = _delay(number, error)
                if has_begun or not error.is_transient or number == self.limits.max_attempts or _is_too_late(delay):
                    raise
                failure = error
            else:
                return
            log.info("asking again", extra={"provider": failure.provider, "reason": failure.message, "attempt": number})
            self.metrics.retries += 1
            yield Progress("retry", f"{failure.message} Asking again.")
            await anyio.sleep(delay)

    async def _once(
        self, ask: Callable[[], AsyncGenerator[T]], reserve: Callable[[], AbstractContextManager[Charge]]
    ) -> AsyncGenerator[T]:
        async with self.endpoint.place(self.limits.max_provider_concurrency):
            self.endpoint.check()
            try:
                with reserve() as charge:
                    self.tally.asked += 1
                    async with aclosing(ask()) as events:
                        async for event in events:
                            charge.has_begun = True
                            if isinstance(event, Answer | Embedding):
                                charge.settle(event.usage)
                            yield event
            except errors.ProviderError as error:
                self.endpoint.failed(error)
                raise
            self.endpoint.succeeded()

    async def _answered(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent]:
        text = Text()
        last = started = perf_counter()
        async with aclosing(self.provider.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    text.add(event.text)
                    now = perf_counter()
                    histogram = self.metrics.first_token if last == started else self.metrics.between_tokens
                    histogram.record((now - last) * 1000)
                    last = now
                    yield event
                elif isinstance(event, Done):
                    yield self._answer(request, str(text), event)
                else:
                    yield event

    async def _embedded(self, texts: Sequence[str], model: str) -> AsyncGenerator[Embedding]:
        embedding = await self.provider.embed(texts, model)
        yield Embedding(embedding.vectors, self._counted(embedding.usage, model))

    def _counted(self, usage: Usage, model: str) -> Usage:
        counts = {name: value for name, value in usage if type(value) is int and not 0 <= value <= _MOST_TOKENS}
        if counts:  # nobody has used that many, or fewer than none
            usage = usage.model_copy(update=dict.fromkeys(counts, 0))
        if usage.cost_usd is None:
            usage = usage.model_copy(update={"cost_usd": cost(self.config, model, usage)})
        self.metrics.models[self.endpoint.provider, model].add(usage)
        return usage

    def _answer(self, request: ChatRequest, content: str, done: Done) -> Answer:
        return Answer(
            content=content,
            parsed=None,
            finish_reason=done.finish_reason,
            usage=self._counted(done.usage, request.model),
            tool_calls=done.tool_calls,
            provider=self.endpoint.provider,
            model=request.model,
            attempts=self.tally.asked,
        )

    def _pause(self) -> float:
        pause = self.endpoint.pause()
        if pause > _MOST_SECONDS:
            raise errors.RateLimited(
                f"{title(self.endpoint.provider)} asks to wait.", provider=self.endpoint.provider, retry_after=pause
            )
        return pause


def _is_too_late(delay: float) -> bool:
    """Whether the request's deadline comes first, or nobody would wait for so long."""
    return delay > _MOST_SECONDS or anyio.current_time() + delay >= anyio.current_effective_deadline()


def _delay(number: int, error: errors.ProviderError) -> float:
    """Seconds before the next try: what the provider asks for, else exponential with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if error.retry_after is not None:
        return error.retry_after
    return random.uniform(0, _BASE_SECONDS * 2 ** (number - 1))  # noqa: S311 - spreads load, guards nothing
