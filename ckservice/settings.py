"""What can be set, and where it comes from: defaults, environment, `initialize`, `settings/update`, in that order.

Each layer is a merge patch (RFC 7396) over the one before: null takes a setting back to its default.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from ckservice.errors import InvalidArguments
from ckservice.logs import LogLevel, remember_secret
from ckservice.model import Input, ListOf, OrDefault
from ckservice.types import ProviderName
from ckservice.urls import password, without_password

Secret = Annotated[
    SecretStr | None,
    PlainSerializer(lambda secret: "set" if secret else "unset", return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]}),
]
"""Given as text, shown as "set" or "unset"."""


Url = Annotated[str | None, PlainSerializer(without_password, when_used="json")]
"""Shown without a password, should one stand in it."""


def _only_names(headers: dict[str, str] | None) -> dict[str, str] | None:
    """A gateway's headers are its keys."""
    return None if headers is None else dict.fromkeys(headers, "set")


Fault = Literal[
    "rateLimited",
    "unavailable",
    "streamInterrupted",
    "authenticationFailed",
    "quotaExceeded",
    "contextWindowExceeded",
    "contentFiltered",
    "modelNotFound",
    "rejected",
    "internal",
]


class FallbackConfig(Input):
    """A provider to try when the one before is unavailable."""

    provider: ProviderName | None = None
    endpoint: Url = Field(None, description="URL of the provider's API.")
    model: str | None = None
    api_key: Secret = Field(None, description='Kept in memory only; shown as "set" or "unset".')
    api_version: str | None = Field(None, description="Azure OpenAI's dated API version.")
    api: Literal["responses", "chat"] | None = Field(
        None,
        description="Which of OpenAI's two APIs an endpoint speaks: Responses, or Chat Completions as compatible servers do.",
    )
    base_model: str | None = Field(
        None, description="The model behind an Azure deployment, for its price and capabilities."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="Bound on the tokens of an answer.")
    headers: Annotated[dict[str, str] | None, PlainSerializer(_only_names, when_used="json")] = Field(
        None, description="Sent with each request, for gateways such as Azure API Management."
    )


class ProviderConfig(FallbackConfig):
    """Which model answers, and how to reach it. What is left out comes from the settings."""

    fallback: ListOf[FallbackConfig] | None = Field(
        None,
        description="Tried in order when the one before can't be reached, keeps failing, or is out of rate or quota.",
    )


class LimitSettings(Input):
    """Bounds on one connection."""

    max_in_flight: OrDefault[Annotated[int, Field(ge=1, le=4096)]] = Field(
        256, description="Requests running or waiting at one time; more are answered `overloaded`."
    )
    max_line_bytes: OrDefault[Annotated[int, Field(ge=1024, le=1024**3)]] = Field(
        32 * 1024 * 1024,
        description="Length of one line of input, in bytes; a longer one is answered `messageTooLarge`.",
    )
    max_provider_concurrency: OrDefault[Annotated[int, Field(ge=1, le=1024)]] = Field(
        32, description="Requests that one endpoint answers at one time; further ones wait."
    )
    max_attempts: OrDefault[Annotated[int, Field(ge=1, le=10)]] = Field(
        3, description="How often a provider is asked that fails before it has said anything."
    )
    first_token_timeout_ms: OrDefault[Annotated[int, Field(ge=1, le=86_400_000)]] = Field(
        300_000, description="How long a provider may think, or load its model, before the first piece of its answer."
    )
    idle_timeout_ms: OrDefault[Annotated[int, Field(ge=1, le=86_400_000)]] = Field(
        120_000, description="How long a provider may pause between two pieces of its answer; keep-alives don't count."
    )
    total_timeout_ms: OrDefault[Annotated[int, Field(ge=1, le=86_400_000)]] = Field(
        3_600_000, description="How long a provider may take for one answer, not counting how long the host takes."
    )


class MethodSettings(Input):
    """Which methods can be called."""

    disabled: OrDefault[ListOf[str]] = Field(
        default_factory=list, description="Methods that are answered `methodNotFound`."
    )


class OfflineSettings(Input):
    """How the built-in offline provider behaves, so that a host can test its slow and unhappy paths."""

    first_token_delay_ms: OrDefault[Annotated[float, Field(ge=0, le=600_000)]] = 0
    token_delay_ms: OrDefault[Annotated[float, Field(ge=0, le=600_000)]] = 0
    fault: Fault | None = Field(
        None, description="Fail like this. Faults that belong to a stream come after `faultAfterTokens` tokens."
    )
    fault_after_tokens: OrDefault[Annotated[int, Field(ge=0)]] = 0


class CacheSettings(Input):
    """The response cache: answers to questions that are asked again, word for word."""

    mode: OrDefault[Literal["off", "use"]] = Field(
        "use", description="`off` leaves the cache alone, whatever a request says."
    )
    ttl_seconds: OrDefault[Annotated[int, Field(ge=1, le=31_536_000)]] = 3600
    max_bytes: OrDefault[Annotated[int, Field(ge=65_536)]] = Field(
        256 * 1024 * 1024, description="Size of the cache on disk; the answers used longest ago go first."
    )
    url: Url = Field(None, description="`redis://…`: a Redis server that several people share, in place of the disk.")


class BudgetSettings(Input):
    """What may be spent."""

    max_cost_usd: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description="US dollars for as long as this process lives; what would cost more is `quotaExceeded`. "
        "Beforehand the prompt is counted, and the longest answer where `maxTokens` bounds it.",
    )


class NetworkSettings(Input):
    """How providers are reached. Addresses of this machine never go through a proxy."""

    proxy: Url = Field(None, description="URL of a proxy; where left out, the environment names it.")
    ca_file: str | None = Field(
        None, description="PEM file of certificates to trust beside those of the operating system."
    )


class Settings(Input):
    """The settings of this process, in effect or as a patch of those."""

    config: OrDefault[ProviderConfig] = Field(
        default_factory=ProviderConfig, description="The provider that answers where a request names none."
    )
    embedding: OrDefault[ProviderConfig] = Field(
        default_factory=ProviderConfig,
        description="The provider of embeddings: `openai`, `azure-openai` or `ollama`; none where left out.",
    )
    repo_path: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, description="Absolute path of the context repository that is meant where a request names none."
    )
    cache: OrDefault[CacheSettings] = Field(default_factory=CacheSettings)
    budget: OrDefault[BudgetSettings] = Field(default_factory=BudgetSettings)
    network: OrDefault[NetworkSettings] = Field(default_factory=NetworkSettings)
    limits: OrDefault[LimitSettings] = Field(default_factory=LimitSettings)
    methods: OrDefault[MethodSettings] = Field(default_factory=MethodSettings)
    offline: OrDefault[OfflineSettings] = Field(default_factory=OfflineSettings)
    log_level: OrDefault[LogLevel] = "info"


class SettingsPatch(Settings):
    """A JSON merge patch (RFC 7396) of the settings: what is left out stays, null goes back to the default."""

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_was_given(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        patch = validate(given)
        patch._given = {name: value for name, value in given.items() if name != "_meta"}  # noqa: SLF001 - its own
        return patch

    @property
    def given(self) -> dict[str, Any]:
        """The patch as it came, nulls included."""
        return self._given


class SettingsStack:
    """The layers, and what they come to."""

    def __init__(self, *layers: Mapping[str, Any]) -> None:
        self._merged: dict[str, Any] = {}
        self.current = Settings()
        for layer in layers:
            self.update(layer)

    def update(self, patch: Mapping[str, Any]) -> Settings:
        """Lay a patch over the settings; all of it or, if it does not fit, nothing.

        Raises:
            InvalidArguments: with the path of each setting that does not fit.
        """
        merged = merge(self._merged, patch)
        try:
            # Unknown members were refused where the host sent them, or are those of a newer host.
            current = Settings.model_validate(merged, extra="ignore")
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False, include_context=False)
            raise InvalidArguments(
                [{"path": ".".join(map(str, detail["loc"])), "message": detail["msg"]} for detail in details]
            ) from None
        self._merged, self.current = merged, current
        for config in (current.config, current.embedding):
            remember_keys(config)
        for url in (current.network.proxy, current.cache.url):
            remember_secret(password(url))
        return current


def remember_keys(config: FallbackConfig) -> None:
    """Have the keys in a config redacted from logs and recordings."""
    if config.api_key is not None:
        remember_secret(config.api_key.get_secret_value())
    remember_secret(password(config.endpoint))
    for value in (config.headers or {}).values():
        remember_secret(value)
    if isinstance(config, ProviderConfig):
        for fallback in config.fallback or ():
            remember_keys(fallback)


def merge(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """JSON merge patch, https://www.rfc-editor.org/rfc/rfc7396."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            below = result.get(name)
            result[name] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            result[name] = value
    return result
