"""Is it well, and what has it done."""

import os
from time import monotonic, perf_counter

import anyio.lowlevel

from ckservice import __version__, errors
from ckservice.app import Service
from ckservice.handlers.model import ask_models
from ckservice.jsonrpc.call import Call
from ckservice.llm import prices
from ckservice.llm.gateway import PROVIDERS
from ckservice.metrics import Histogram
from ckservice.model import NoParams
from ckservice.protocol.health import (
    CacheUse,
    Component,
    Health,
    MetricsResult,
    ModelUsage,
    Percentiles,
    PriceTable,
    ProviderFailure,
    ProviderHealth,
    ProvidersHealth,
    Readiness,
    Spending,
    Status,
    StreamTimes,
)
from ckservice.protocol.model import ListError
from ckservice.types import ProviderName

_PROBE_SECONDS = 3
_SEVERITY: tuple[Status, ...] = ("healthy", "degraded", "unhealthy")


async def check(service: Service, call: Call, _params: NoParams) -> Health:
    return await _health(service, call, _local_components(service, call))


async def ready(service: Service, call: Call, _params: NoParams) -> Readiness:
    provider = await _probe(service)
    health = await _health(service, call, {**_local_components(service, call), "provider": provider})
    return Readiness(**dict(health), ready=provider.status == "healthy")


async def providers(service: Service, _call: Call, _params: NoParams) -> ProvidersHealth:
    healths: dict[str, ProviderHealth] = {}

    async def ask(name: ProviderName) -> None:
        healths[name] = await _ask(service, name)

    async with anyio.create_task_group() as tasks:
        for name in PROVIDERS:
            tasks.start_soon(ask, name)
    return ProvidersHealth(providers={name: healths[name] for name in PROVIDERS})


def metrics(service: Service, _call: Call, _params: NoParams) -> MetricsResult:
    counted = service.metrics
    table = prices.table()
    return MetricsResult(
        uptime_ms=_uptime_ms(service),
        requests={method: dict(outcomes) for method, outcomes in counted.requests.items()},
        retries=counted.retries,
        cache=CacheUse(hits=counted.cache_hits, misses=counted.cache_misses),
        models=[
            ModelUsage(
                provider=provider,
                model=model,
                requests=totals.requests,
                prompt_tokens=totals.prompt_tokens,
                completion_tokens=totals.completion_tokens,
                cost_usd=totals.cost_usd,
            )
            for (provider, model), totals in counted.models.items()
        ],
        cost_usd=counted.cost_usd,
        budget=Spending(
            max_cost_usd=service.settings.current.budget.max_cost_usd, spent_usd=service.gateway.budget.spent
        ),
        prices=PriceTable(source=table.source, date=table.date),
        stream=StreamTimes(
            first_token_ms=_percentiles(counted.first_token), per_token_ms=_percentiles(counted.between_tokens)
        ),
    )


async def _health(service: Service, call: Call, components: dict[str, Component]) -> Health:
    before = perf_counter()
    await anyio.lowlevel.checkpoint()
    lag = perf_counter() - before
    ledger = call.connection.ledger
    return Health(
        status=max((component.status for component in components.values()), key=_SEVERITY.index),
        version=__version__,
        uptime_ms=_uptime_ms(service),
        in_flight=len(ledger.in_flight),
        received=ledger.received,
        answered=ledger.answered,
        event_loop_lag_ms=round(lag * 1000, 3),
        components=components,
    )


def _local_components(service: Service, call: Call) -> dict[str, Component]:
    writable = os.access(service.data_directory, os.W_OK | os.X_OK)
    stalled = call.connection.outbox.is_stalled
    return {
        "dataDirectory": _component(writable, "unhealthy", "The data directory can't be written."),
        "output": _component(not stalled, "degraded", "The host reads more slowly than we write."),
    }


async def _probe(service: Service) -> Component:
    try:
        with anyio.fail_after(_PROBE_SECONDS):
            await service.gateway.probe()
    except errors.ProviderError as error:
        return Component(status="unhealthy", message=error.user_message or error.message)
    except TimeoutError:
        return Component(status="unhealthy", message=f"The provider did not answer within {_PROBE_SECONDS} seconds.")
    return Component(status="healthy")


async def _ask(service: Service, name: ProviderName) -> ProviderHealth:
    before = perf_counter()
    answer = await ask_models(service, name, _PROBE_SECONDS)
    if isinstance(answer, ListError):
        error = ProviderFailure(kind=answer.kind, message=answer.message)
        return ProviderHealth(provider=name, available=False, error=error, models=[])
    return ProviderHealth(
        provider=name,
        available=True,
        latency_ms=round((perf_counter() - before) * 1000, 3),
        models=[model.id for model in answer],
    )


def _component(well: bool, otherwise: Status, message: str) -> Component:
    return Component(status="healthy") if well else Component(status=otherwise, message=message)


def _percentiles(histogram: Histogram) -> Percentiles:
    return Percentiles(
        count=histogram.count,
        p50=histogram.percentile(0.50),
        p95=histogram.percentile(0.95),
        p99=histogram.percentile(0.99),
    )


def _uptime_ms(service: Service) -> int:
    return round((monotonic() - service.started_at) * 1000)
