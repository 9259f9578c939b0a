"""One door to all providers: which one is meant, how it is reached, and who answers if it can't."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from ckservice import errors
from ckservice.imports import load
from ckservice.llm.attempts import Ask, Attempts, Tally
from ckservice.llm.budget import Budget
from ckservice.llm.cache import Cached, CacheMode
from ckservice.llm.credentials import Credentials
from ckservice.llm.endpoint import Endpoint
from ckservice.llm.estimate import estimate_tokens
from ckservice.llm.failures import no_model, title
from ckservice.llm.http import Http
from ckservice.llm.prices import price_of
from ckservice.llm.provider import Access, Provider
from ckservice.llm.providers.anthropic import AnthropicProvider
from ckservice.llm.providers.azure_openai import AzureOpenAIProvider
from ckservice.llm.providers.offline import MODEL as OFFLINE_MODEL, OfflineProvider
from ckservice.llm.providers.ollama import OllamaProvider
from ckservice.llm.providers.openai import OpenAIProvider
from ckservice.llm.structured import asking
from ckservice.llm.structured.asking import USUAL, Acceptance
from ckservice.metrics import Metrics
from ckservice.settings import FallbackConfig, ProviderConfig, Settings, remember_keys
from ckservice.types import AnswerEvent, ChatRequest, Embedding, ModelInfo, Progress, ProviderName

PROVIDERS: dict[ProviderName, Callable[[Access], Provider]] = {
    "azure-openai": AzureOpenAIProvider,
    "openai": OpenAIProvider,
    "anthropic": AnthropicProvider,
    "ollama": OllamaProvider,
    "offline": OfflineProvider,
}
"""A new one has a line here, a name in `types.ProviderName` and a title in `llm/failures.py`."""

DEFAULT_MODELS: dict[ProviderName, str] = {
    "openai": "gpt-6-luna",
    "anthropic": "claude-sonnet-5-5",
    "offline": OFFLINE_MODEL,
}

DEFAULT_EMBEDDING_MODELS: dict[ProviderName, str] = {"openai": "text-embedding-3-small"}

_LIBRARIES: dict[ProviderName, str] = {
    "azure-openai": "openai",
    "openai": "openai",
    "anthropic": "anthropic",
    "ollama": "httpx2",
}
"""What each provider's first request would otherwise wait for."""

_MOST_OPENED = 64
_OPENAI_NAMES = ("gpt-", "chatgpt-", "o1", "o3", "o4")
_UNAVAILABLE = (errors.ProviderUnavailable, errors.RateLimited, errors.QuotaExceeded, errors.StreamInterrupted)


class Gateway:
    """Finds the provider for a request and streams its answer.

    Args:
        settings: gives those in effect.
        metrics: where answers are counted.
        credentials: keys that no config holds.
        endpoints: of providers that the environment names one for.
        cache: of answers.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        metrics: Metrics,
        credentials: Credentials,
        endpoints: Mapping[ProviderName, str],
        cache: Cached,
    ) -> None:
        self.budget = Budget(settings)
        self._settings = settings
        self._metrics = metrics
        self._credentials = credentials
        self._default_endpoints = endpoints
        self._cache = cache
        self._http = Http()
        self._endpoints: dict[tuple[object, ...], Endpoint] = {}
        self._opened: dict[tuple[object, ...], Provider] = {}
        self._opened_for: Settings | None = None

    def resolve(
        self,
        config: FallbackConfig | None = None,
        *,
        model: str | None = None,
        base: ProviderConfig | None = None,
        default_models: Mapping[ProviderName, str] = DEFAULT_MODELS,
    ) -> ProviderConfig:
        """Complete a request's config from `base`, by default the settings' config for chat.

        What is set for one provider (its endpoint, key, model) is not carried over to another.
        """
        base = base if base is not None else self._settings().config
        wanted = config or ProviderConfig()
        model = model or wanted.model
        provider = wanted.provider or base.provider or infer_provider(model)
        kept = base if provider == (base.provider or provider) else ProviderConfig()
        given = {name: getattr(wanted, name) for name in wanted.model_fields_set}
        remember_keys(wanted)
        merged = kept.model_copy(update={name: value for name, value in given.items() if value is not None})
        return merged.model_copy(
            update={
                "provider": provider,
                "model": model or merged.model or default_models.get(provider),
                "endpoint": merged.endpoint or self._default_endpoints.get(provider),
            }
        )

    async def stream(
        self,
        request: ChatRequest,
        config: ProviderConfig,
        cache: CacheMode | None = None,
        acceptance: Acceptance = USUAL,
    ) -> AsyncGenerator[AnswerEvent]:
        """Answer a request, from the cache if it may and can; the last event is an `Answer`.

        Args:
            request: what it leaves open, `config` says.
            config: resolved.
            cache: what the request says of it. Answers that were kept are not checked for `acceptance` again.
            acceptance: of an answer with a form.

        Raises:
            ProviderError: no provider answered, or one stopped in the middle.
            BudgetExceeded: the answer might cost more than the settings allow.
            InvalidOutput: the answer has not the form that was asked for.
        """
        config = await self._with_key(config)  # answers are cached for one account
        request = replace(
            request,
            model=config.model or "",
            temperature=request.temperature if request.temperature is not None else config.temperature,
            max_tokens=request.max_tokens or config.max_tokens,
        )
        ask = partial(self._ask_in_turn, config, acceptance)
        async with aclosing(self._cache.stream(ask, request, config, cache)) as events:
            async for event in events:
                yield event

    async def models(self, name: ProviderName) -> list[ModelInfo]:
        """The models of one provider.

        Raises:
            ProviderError: they could not be listed.
        """
        async with self._open(self.resolve(ProviderConfig(provider=name))) as opened:
            return [_with_price(model) for model in await opened.provider.models()]

    async def probe(self) -> None:
        """Find out whether the configured provider can be used.

        Raises:
            ProviderError: it can't.
        """
        async with self._open(self.resolve()) as opened:
            await opened.provider.probe()
            opened.endpoint.succeeded()

    def resolve_embedding(self, config: ProviderConfig | None = None) -> ProviderConfig | None:
        """Complete a config for embeddings from the settings'; `None` where neither names a provider."""
        base = self._settings().embedding
        if base.provider is None and (config is None or config.provider is None):
            return None
        return self.resolve(config, base=base, default_models=DEFAULT_EMBEDDING_MODELS)

    async def embed(self, texts: Sequence[str], config: ProviderConfig) -> Embedding:
        """Turn texts into vectors.

        Args:
            texts: none of them empty.
            config: resolved, by `resolve_embedding`.

        Raises:
            ProviderError: it failed, or makes no embeddings.
            BudgetExceeded: they might cost more than the settings allow.
        """
        async with self._open(config) as opened:
            if config.model is None:
                raise no_model(opened.endpoint.provider)
            return await opened.embed(texts, config.model)

    async def count(self, request: ChatRequest, config: ProviderConfig) -> tuple[int, bool]:
        """The tokens of a prompt, and whether that is exact: it is an estimate where the provider can't tell."""
        try:
            async with self._open(config) as opened:
                exact = await opened.provider.count(replace(request, model=config.model or ""))
        except errors.ProviderError:
            exact = None
        return (exact, True) if exact is not None else (estimate_tokens(request), False)

    async def warm(self) -> None:
        """Import what the configured providers need, before the first question comes."""
        for provider in (self.resolve().provider, self._settings().embedding.provider):
            library = _LIBRARIES.get(provider or "offline")
            if library is not None:
                with suppress(ImportError):  # whoever needs it will say so
                    await load(library)

    async def _ask_in_turn(
        self, config: ProviderConfig, acceptance: Acceptance, request: ChatRequest
    ) -> AsyncGenerator[AnswerEvent]:
        """Ask the provider and, while none is available, its fallbacks."""
        tally = Tally()
        candidates = [config, *(self._fallback(config, fallback) for fallback in config.fallback or ())]
        first_failure: errors.ProviderError | None = None
        for candidate, following in zip_longest(candidates, candidates[1:]):
            has_begun = False
            try:
                async with aclosing(self._ask(candidate, acceptance, request, tally)) as events:
                    async for event in events:
                        has_begun = has_begun or not isinstance(event, Progress)
                        yield event
            except errors.ProviderError as error:
                # A fallback that can't be used for whatever reason is passed over: it is the first that was meant.
                if has_begun or (first_failure is None and not isinstance(error, _UNAVAILABLE)):
                    raise
                first_failure, failure = first_failure or error, error
                if following is None:
                    raise first_failure from None
            else:
                return
            yield Progress("fallback", f"{failure.message} Asking {title(following.provider or 'offline')} instead.")
            request = _meant_for(following, request)

    def _fallback(self, config: ProviderConfig, fallback: FallbackConfig) -> ProviderConfig:
        """A fallback with all that it needs; where it names neither provider nor model, another way to the same one."""
        is_nameless = fallback.provider is None and fallback.model is None
        base = ProviderConfig(provider=config.provider, model=config.model) if is_nameless else ProviderConfig()
        return self.resolve(fallback, base=base)

    async def _ask(
        self, config: ProviderConfig, acceptance: Acceptance, request: ChatRequest, tally: Tally
    ) -> AsyncGenerator[AnswerEvent]:
        async with self._open(config, tally) as opened:
            if not request.model:
                raise no_model(opened.endpoint.provider)
            ask: Ask = opened.stream
            if request.response_format is not None:
                rungs = opened.endpoint.rungs
                ask = partial(asking.stream, ask, opened.provider.dialect, rungs, acceptance=acceptance)
            async with aclosing(ask(request)) as events:
                async for event in events:
                    yield event

    @asynccontextmanager
    async def _open(self, config: ProviderConfig, tally: Tally | None = None) -> AsyncIterator[Attempts]:
        """Open the provider that a resolved config names, with the key that is to be used."""
        config = await self._with_key(config)
        name, key = config.provider or "offline", config.api_key
        settings = self._settings()
        account = (name, config.endpoint, config.api_version, config.api, key, str(config.headers))
        endpoint = self._endpoints.setdefault(account, Endpoint(name))
        provider = self._provider(config, endpoint, settings)
        try:
            yield Attempts(provider, config, endpoint, settings.limits, self._metrics, self.budget, tally or Tally())
        except errors.AuthenticationFailed:
            self._credentials.refused(name, key)
            raise

    def _provider(self, config: ProviderConfig, endpoint: Endpoint, settings: Settings) -> Provider:
        """The provider for a config and settings: the one that was made for them, since making its client takes time."""
        if self._opened_for is not settings:
            for known in self._endpoints.values():  # what was wrong with them may have been mended
                known.succeeded()
        if self._opened_for is not settings or len(self._opened) == _MOST_OPENED:
            self._opened.clear()
            self._opened_for = settings
        opened = (endpoint, config.model, config.base_model)
        if opened not in self._opened:
            self._opened[opened] = PROVIDERS[config.provider or "offline"](
                Access(config, self._http, endpoint, settings)
            )
        return self._opened[opened]

    async def _with_key(self, config: ProviderConfig) -> ProviderConfig:
        """A resolved config with the key that is to be used, where there is one."""
        key = config.api_key or await self._credentials.find(config.provider or "offline", config.endpoint)
        return config.model_copy(update={"api_key": key})


def _with_price(model: ModelInfo) -> ModelInfo:
    price = price_of(model.provider, model.id)
    if price is None or model.input_price_per_m_tok is not None:
        return model
    return model.model_copy(update={"input_price_per_m_tok": price.input, "output_price_per_m_tok": price.output})


def _meant_for(config: ProviderConfig, request: ChatRequest) -> ChatRequest:
    """A request for a fallback, whose own settings go first: they were made for its model."""
    return replace(
        request,
        model=config.model or "",
        temperature=config.temperature if config.temperature is not None else request.temperature,
        max_tokens=config.max_tokens or request.max_tokens,
    )


def infer_provider(model: str | None) -> ProviderName:
    """Guess the provider from the name of a model, where nothing else names one."""
    if model is None or model == OFFLINE_MODEL:
        return "offline"
    if model.startswith(_OPENAI_NAMES):
        return "openai"
    return "anthropic" if model.startswith("claude-") else "ollama"
