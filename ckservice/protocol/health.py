"""Is it well, and what has it done."""

from typing import Literal

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import Maybe, Model, NoParams

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


class MetricsResult(Model):
    """Counts since the process started."""

    uptime_ms: int
    requests: dict[str, dict[str, int]] = Field(
        description='Answers by method and outcome, which is "ok" or an error kind; under "" those without a known method.'
    )
    models: list[ModelUsage]
    stream: StreamTimes


CHECK = Request("health/check", NoParams, Health, "How the process and its parts are; no network.", late=True)
LIVE = Request("health/live", NoParams, Health, "The same as health/check.", late=True)
READY = Request("health/ready", NoParams, Readiness, "The same, after probing the configured provider.", late=True)
METRICS = Request("metrics/get", NoParams, MetricsResult, "Requests, tokens, cost and stream times so far.", late=True)
