"""The response cache."""

from datetime import UTC, datetime

from ckservice.app import Service
from ckservice.jsonrpc.call import Call
from ckservice.model import NoParams
from ckservice.protocol.cache import ClearResult, StatsResult


async def stats(service: Service, _call: Call, _params: NoParams) -> StatsResult:
    held = await service.cache.stats()
    settings = service.settings.current.cache
    return StatsResult(
        backend=held.backend,
        enabled=settings.mode == "use",
        entries=held.entries,
        bytes=held.size,
        max_bytes=settings.max_bytes if held.backend == "sqlite" else None,
        ttl_seconds=settings.ttl_seconds,
        oldest_at=None if held.oldest_at is None else _iso(held.oldest_at),
        hits=service.metrics.cache_hits,
        misses=service.metrics.cache_misses,
    )


async def clear(service: Service, _call: Call, _params: NoParams) -> ClearResult:
    return ClearResult(removed=await service.cache.clear())


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
