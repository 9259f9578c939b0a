#!/usr/bin/env python3
"""Writes ckservice/llm/prices.json from the prices in genai-prices, https://github.com/pydantic/genai-prices.

`python .ci/prices.py [DATE]` takes the prices that hold on a date, by default today. The same package and date give the
same file: one line for each model that is paid by tokens of text, with what `ckservice.llm.prices` wants to know of it.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data import providers
from genai_prices.types import (
    ClauseContains,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    TieredPrices,
)

PROVIDERS = {"anthropic": "anthropic", "azure": "azure-openai", "openai": "openai"}
"""The package's name of each provider, and ours."""

TOKENS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
EXTRAS = ("cache_write_1h_mtok", "web_searches_kcount", "storage_searches_kcount")
"""Prices of what ckservice doesn't ask for. A model with any other is not one of text."""

OPEN_WEIGHTS = "gpt-oss-"
"""Models that OpenAI does not sell: what they cost depends on who runs them."""

DATED = re.compile(r"\^([a-z0-9.\\-]+)(?:-|\[-@\])(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$")


def main() -> None:
    day = datetime.fromisoformat(sys.argv[1]) if sys.argv[1:] else datetime.now(UTC)
    target = Path(__file__).parent.parent / "ckservice" / "llm" / "prices.json"
    target.write_text(generate(day), encoding="utf-8", newline="\n")


def generate(day: datetime) -> str:
    """The text of the table, with the prices that hold at noon of a day (UTC)."""
    noon = datetime.combine(day.date(), time(12), UTC)
    head = {"source": f"genai-prices {version('genai-prices')}", "date": noon.date().isoformat()}
    parts = [
        f'"{ours}": [\n' + ",\n".join(json.dumps(entry) for entry in _entries(theirs, noon)) + "\n]"
        for theirs, ours in PROVIDERS.items()
    ]
    return json.dumps(head)[:-1] + ',\n"models": {\n' + ",\n".join(parts) + "\n}}\n"


def _entries(provider: str, at: datetime) -> Iterator[dict[str, Any]]:
    (models,) = [known.models for known in providers if known.id == provider]
    for model in models:
        price = model.get_prices(at)
        if _is_text(price) and not model.id.startswith(OPEN_WEIGHTS):
            yield {**_names(model), "prices": _prices(price)}


def _is_text(price: ModelPrice) -> bool:
    given = {name for name, value in vars(price).items() if value is not None}
    return "input_mtok" in given and given <= {*TOKENS, *EXTRAS}


def _names(model: ModelInfo) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {"names": set(), "dated": set(), "prefixes": set(), "parts": set()}
    for clause in _alternatives(model.match):
        match clause:
            case ClauseEquals(equals=name):
                found["names"].add(name.lower())
            case ClauseStartsWith(starts_with=prefix):
                found["prefixes"].add(prefix.lower())
            case ClauseContains(contains=part):
                found["parts"].add(part.lower())
            case ClauseRegex(regex=regex) if dated := DATED.fullmatch(regex):
                found["dated"].add(dated.group(1).replace("\\", ""))
            case _:
                raise NotImplementedError(f"{model.id}: the table has no form for {clause}")
    if not found["dated"] <= found["names"]:
        raise NotImplementedError(f"{model.id}: a name that has to have a date")
    found["names"] -= found["dated"]
    return {form: sorted(names) for form, names in found.items() if names}


def _alternatives(clause: MatchLogic) -> Iterator[MatchLogic]:
    if isinstance(clause, ClauseOr):
        for alternative in clause.or_:
            yield from _alternatives(alternative)
    else:
        yield clause


def _prices(price: ModelPrice) -> list[dict[str, float]]:
    """A row for each length of prompt above which other prices hold."""
    given = [getattr(price, name) for name in TOKENS]
    starts = {tier.start for value in given if isinstance(value, TieredPrices) for tier in value.tiers}
    return [_row(above, given) for above in sorted({0, *starts})]


def _row(above: int, given: list[Any]) -> dict[str, float]:
    plain, output, cached, written = (_at(above, value) for value in given)
    assert plain is not None
    return {
        "above": above,
        "input": plain,
        "output": output or 0,
        "cached_input": plain if cached is None else cached,
        "cache_write": plain if written is None else written,
    }


def _at(above: int, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, TieredPrices):
        value = next((tier.price for tier in reversed(value.tiers) if above >= tier.start), value.base)
    return int(value) if value == int(value) else float(value)


if __name__ == "__main__":
    main()
