"""What models cost: list prices, from a table beside this file that `.ci/prices.py` makes.

The table is read when a price is first asked for. A contract's discount or a region's surcharge is not in it, and a model
that it does not hold, such as one that somebody serves by OpenAI's API himself, has no price.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

import orjson

from ckservice.settings import ProviderConfig
from ckservice.types import ProviderName, Usage

_PER = 1_000_000
_DATE = re.compile(r"[-@]20\d\d(-?)\d\d\1\d\d$")
_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of each kind.

    Attributes:
        above: it holds for prompts of more tokens than this, and then for all tokens of prompt and answer.
        cached_input: prompt tokens that the provider had cached.
        cache_write: prompt tokens that the provider put into its cache.
    """

    above: int
    input: float
    output: float
    cached_input: float
    cache_write: float

    def cost(self, usage: Usage) -> float:
        """US dollars for what an answer used; never negative, whatever a provider says it has counted."""
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        dollars = (
            max(usage.prompt_tokens - cached - written, 0) * self.input
            + cached * self.cached_input
            + written * self.cache_write
            + usage.completion_tokens * self.output
        ) / _PER
        return round(max(dollars, 0.0), _DECIMALS)


@dataclass(frozen=True, slots=True)
class _Model:
    """A model by its names, in lower case; after those in `dated` the date of a version may stand."""

    names: frozenset[str]
    dated: frozenset[str]
    prefixes: tuple[str, ...]
    parts: tuple[str, ...]
    prices: tuple[Price, ...]

    def is_called(self, name: str, name_without_date: str) -> bool:
        return (
            name in self.names
            or name_without_date in self.dated
            or name.startswith(self.prefixes)
            or any(part in name for part in self.parts)
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Prices by provider.

    Attributes:
        source: where they were taken from, with its version.
        date: of the day on which they were right, in ISO 8601.
        models: of each provider; the first that has a name goes before the others.
    """

    source: str
    date: str
    models: dict[str, list[_Model]]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a table in the form that `.ci/prices.py` writes."""
        value = orjson.loads(text)
        models = {provider: [_model(entry) for entry in entries] for provider, entries in value["models"].items()}
        return cls(value["source"], value["date"], models)

    def prices(self, provider: str, model: str) -> tuple[Price, ...]:
        """The prices of a model, by the length of the prompt; none where the table has none."""
        name = model.lower()
        name_without_date = _DATE.sub("", name)
        known = (known for known in self.models.get(provider, ()) if known.is_called(name, name_without_date))
        return next((found.prices for found in known), ())


def _model(entry: dict[str, Any]) -> _Model:
    return _Model(
        names=frozenset(entry.get("names", ())),
        dated=frozenset(entry.get("dated", ())),
        prefixes=tuple(entry.get("prefixes", ())),
        parts=tuple(entry.get("parts", ())),
        prices=tuple(Price(**price) for price in entry["prices"]),
    )


_FREE = Price(0, 0.0, 0.0, 0.0, 0.0)


@cache
def table() -> Table:
    """The table that ckservice comes with."""
    return Table.parse(Path(__file__).with_name("prices.json").read_bytes())


def price_of(provider: ProviderName, model: str, prompt_tokens: int = 0) -> Price | None:
    """What a model costs, given how long the prompt is; `None` where that is unknown."""
    if provider in ("ollama", "offline"):
        return _FREE
    return tier(_prices(provider, model), prompt_tokens)


def tier(prices: tuple[Price, ...], prompt_tokens: int) -> Price | None:
    """The one of a model's prices that holds for a prompt of some length."""
    return next((price for price in reversed(prices) if prompt_tokens > price.above or not price.above), None)


@lru_cache
def _prices(provider: ProviderName, model: str) -> tuple[Price, ...]:
    prices = table().prices(provider, model)
    return table().prices("openai", model) if not prices and provider == "azure-openai" else prices


def cost(config: ProviderConfig, model: str, usage: Usage) -> float | None:
    """US dollars for what an answer used; `None` where the price is unknown.

    Args:
        config: resolved; where it names a `base_model`, that is what costs, and `model` but the name of a deployment.
        model: as the provider was asked for it.
        usage: as the provider counted it.
    """
    price = price_of(config.provider or "offline", config.base_model or model, usage.prompt_tokens)
    return None if price is None else price.cost(usage)
