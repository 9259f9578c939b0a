"""Counts since the process started: requests, tokens, money, and how long streams take."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import exp2, floor, fsum, log2

from ckservice.types import Usage

_BUCKETS_PER_OCTAVE = 8
"""Eight buckets to a doubling: a percentile is right to within 9 %."""

_SHORTEST_MS = 1e-4
_MAX_UNCOUNTED = 4096


class Histogram:
    """Durations in milliseconds, counted in buckets that grow by a constant factor."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._uncounted: list[float] = []

    def record(self, milliseconds: float) -> None:
        """Take in a duration. It is sorted into its bucket later: this is done for every token."""
        self._uncounted.append(milliseconds)
        if len(self._uncounted) >= _MAX_UNCOUNTED:
            self._count()

    @property
    def count(self) -> int:
        self._count()
        return self._counts.total()

    def percentile(self, share: float) -> float | None:
        """The duration that `share` (0 to 1) of all do not exceed; `None` when nothing was recorded."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return round(exp2((bucket + 1) / _BUCKETS_PER_OCTAVE), 4)
        return None

    def _count(self) -> None:
        for milliseconds in self._uncounted:
            self._counts[floor(log2(max(milliseconds, _SHORTEST_MS)) * _BUCKETS_PER_OCTAVE)] += 1
        self._uncounted.clear()


@dataclass(slots=True)
class ModelTotals:
    """What one model of one provider was used for."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    """`None` once an answer had no known price."""

    def add(self, usage: Usage) -> None:
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        known = self.cost_usd is not None and usage.cost_usd is not None
        self.cost_usd = (self.cost_usd or 0.0) + (usage.cost_usd or 0.0) if known else None


@dataclass(slots=True)
class Metrics:
    """Everything that is counted."""

    requests: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Answers by method, then by outcome: "ok" or an error kind. Without a known method: the empty name."""
    models: dict[tuple[str, str], ModelTotals] = field(default_factory=lambda: defaultdict(ModelTotals))
    """Totals by provider and model."""
    retries: int = 0
    """How often a provider was asked again after it had failed."""
    cache_hits: int = 0
    cache_misses: int = 0
    first_token: Histogram = field(default_factory=Histogram)
    between_tokens: Histogram = field(default_factory=Histogram)

    @property
    def cost_usd(self) -> float | None:
        """US dollars for all models together; `None` when the price of an answer was unknown."""
        costs = [totals.cost_usd for totals in self.models.values()]
        known = [cost for cost in costs if cost is not None]
        return fsum(known) if len(known) == len(costs) else None

    def count_answer(self, method: str, outcome: str) -> None:
        self.requests[method][outcome] += 1
