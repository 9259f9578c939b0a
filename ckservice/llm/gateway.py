"""One door to all providers: which one is meant, and what its answers took."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from time import perf_counter
from typing import get_args

from ckservice import errors
from ckservice.llm.http import Http
from ckservice.llm.offline import MODEL as OFFLINE_MODEL, OfflineProvider
from ckservice.llm.ollama import OllamaProvider
from ckservice.llm.provider import Provider
from ckservice.metrics import Metrics
from ckservice.settings import ProviderConfig, Settings, remember_keys
from ckservice.types import ChatRequest, Done, ModelInfo, ProviderName, StreamEvent, TextDelta

PROVIDERS: dict[ProviderName, Callable[[ProviderConfig, Settings, Http], Provider]] = {
    "ollama": lambda config, _settings, http: OllamaProvider(config, http),
    "offline": lambda _config, settings, _http: OfflineProvider(settings.offline),
}
"""The providers of this build. A new one is one file and one line here."""

DEFAULT_MODELS: dict[ProviderName, str] = {"offline": OFFLINE_MODEL}

_OPENAI_NAMES = ("gpt-", "chatgpt-", "o1", "o3", "o4")


class Gateway:
    """Finds the provider for a request and streams its answer.

    Args:
        settings: gives those in effect.
        metrics: where answers are counted.
        endpoints: of providers that the environment names one for.
    """

    def __init__(
        self, settings: Callable[[], Settings], metrics: Metrics, endpoints: Mapping[ProviderName, str]
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._endpoints = endpoints
        self._http = Http()

    def resolve(self, config: ProviderConfig | None = None, *, model: str | None = None) -> ProviderConfig:
        """Complete a request's config from the settings.

        What is set for one provider (its endpoint, key, model) is not carried over to another.
        """
        base = self._settings().config
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
                "model": model or merged.model or DEFAULT_MODELS.get(provider),
                "endpoint": merged.endpoint or self._endpoints.get(provider),
            }
        )

    def provider(self, config: ProviderConfig) -> Provider:
        """Open the provider that a resolved config names.

        Raises:
            ProviderNotConfigured: this build has no adapter for it.
        """
        name = config.provider or "offline"
        make = PROVIDERS.get(name)
        if make is None:
            raise errors.ProviderNotConfigured(
                f"This version of ckservice has no adapter for {name}; it has: {', '.join(PROVIDERS)}.",
                provider=name,
                user_message=f"This version can't use {name} yet; choose another provider in the settings.",
            )
        return make(config, self._settings(), self._http)

    async def stream(self, request: ChatRequest, config: ProviderConfig) -> AsyncGenerator[StreamEvent]:
        """Stream an answer and count what it took.

        Raises:
            ProviderError: see `Provider.stream`.
        """
        provider = self.provider(config)
        request = replace(request, model=config.model or request.model)
        last = started = perf_counter()
        async with aclosing(provider.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    now = perf_counter()
                    histogram = self._metrics.first_token if last == started else self._metrics.between_tokens
                    histogram.record((now - last) * 1000)
                    last = now
                elif isinstance(event, Done):
                    self._metrics.models[config.provider or "", request.model].add(event.usage)
                yield event

    async def models(self, name: ProviderName) -> list[ModelInfo]:
        """The models of one provider.

        Raises:
            ProviderError: they could not be listed.
        """
        return await self.provider(self.resolve(ProviderConfig(provider=name))).models()

    async def probe(self) -> None:
        """Find out whether the configured provider can be used.

        Raises:
            ProviderError: it can't.
        """
        await self.provider(self.resolve()).probe()


def infer_provider(model: str | None) -> ProviderName:
    """Guess the provider from the name of a model, where nothing else names one."""
    if model is None or model == OFFLINE_MODEL:
        return "offline"
    if model.startswith(_OPENAI_NAMES):
        return "openai"
    return "anthropic" if model.startswith("claude-") else "ollama"


ALL_PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)
