"""How well the process and its providers are, and what they have done so far."""

from typing import Literal

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import Maybe, Model, NoParams
from ckservice.types import ProviderName

Status = Literal["healthy", "degraded", "unhealthy"]


class Component(Model):
    status: Status
    message: Maybe[str] = Field(None, description="What is wrong with it.")


class Health(Model):
    """At every moment, received = answered + inFlight; the request that asks is one of those in flight."""

    status: Status = Field(description="The worst of the components.")
    version: str
    uptime_ms: int
    in_flight: int
    received: int = Field(description="Requests and broken lines that were owed an answer.")
    answered: int
    event_loop_lag_ms: float = Field(description="How late the event loop is at this moment.")
    components: dict[str, Component]


class Readiness(Health):
    ready: bool = Field(description="Whether the configured provider can be used.")


class ProviderFailure(Model):
    kind: str = Field(description="One of `ErrorKind`; `providerNotConfigured` where there is no key or endpoint.")
    message: str


class ProviderHealth(Model):
    """One provider, as the settings, keys and environment reach it."""

    provider: ProviderName
    available: bool
    latency_ms: Maybe[float] = Field(None, description="How long it took to list its models.")
    error: Maybe[ProviderFailure] = Field(None, description="Why it is not available.")
    models: list[str] = Field(description="Ids of the models that it offers.")


class ProvidersHealth(Model):
    providers: dict[str, ProviderHealth] = Field(description="All there are, by name.")


class ModelUsage(Model):
    """What one model was used for."""

    provider: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = Field(description="US dollars; null when the price of an answer is unknown.")


class Percentiles(Model):
    """Milliseconds, to within 9 %; null where nothing was measured."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


class StreamTimes(Model):
    first_token_ms: Percentiles = Field(description="From the request to the first piece of text.")
    per_token_ms: Percentiles = Field(description="From one piece of text to the next.")


class CacheUse(Model):
    """The response cache, asked for answers."""

    hits: int
    misses: int


class Spending(Model):
    """What counts against the budget."""

    max_cost_usd: float | None = Field(description="The budget in the settings; null where there is none.")
    spent_usd: float = Field(
        description="US dollars, as far as prices are known. Answers that were cut or cancelled count with an estimate for "
        "their prompt; providers don't tell what they cost."
    )


class PriceTable(Model):
    """The prices that costs are calculated from."""

    source: str
    date: str = Field(description="The day on which they were right; ISO 8601.")


class MetricsResult(Model):
    """Counts since the process started."""

    uptime_ms: int
    requests: dict[str, dict[str, int]] = Field(
        description='Answers by method and outcome, which is "ok" or an error kind; under "" those without a known method.'
    )
    retries: int = Field(description="How often a provider was asked again after it had failed.")
    cache: CacheUse
    models: list[ModelUsage] = Field(
        description="Answers that came to their end; those from the cache, cut or cancelled are not in these counts."
    )
    cost_usd: float | None = Field(description="US dollars for all models together; null when a price is unknown.")
    budget: Spending
    prices: PriceTable
    stream: StreamTimes


CHECK = Request("health/check", NoParams, Health, "How the process and its parts are; no network.", late=True)
LIVE = Request("health/live", NoParams, Health, "The same as health/check.", late=True)
READY = Request("health/ready", NoParams, Readiness, "The same, after probing the configured provider.", late=True)
PROVIDERS = Request(
    "health/providers",
    NoParams,
    ProvidersHealth,
    "Whether each provider can be used, and its models: asked in parallel, at no cost, for 3 seconds at most.",
    late=True,
)
METRICS = Request("metrics/get", NoParams, MetricsResult, "Requests, tokens, cost and stream times so far.", late=True)
