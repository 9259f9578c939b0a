"""What answers cost: the table, against the package it is made from, and `costUsd` in what a host sees."""

import json
import re
import runpy
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from genai_prices import Usage as GenaiUsage, calc_price
from hypothesis import given, strategies

from ckservice.llm.prices import Price, Table, price_of, table, tier
from ckservice.types import Usage
from tests.sidecar import ROOT

pytestmark = pytest.mark.source

FILE = ROOT / "ckservice" / "llm" / "prices.json"
THEIRS = {"anthropic": "anthropic", "azure-openai": "azure", "openai": "openai"}
NOON = datetime.combine(date(2026, 11, 20), time(12), UTC)
COUNTS = (0, 1, 1_000, 99_999, 100_000, 100_001, 200_000, 200_001, 272_000, 272_001, 5_000_000)


@pytest.fixture(scope="module")
def generated() -> bytes:
    """The table as the script makes it today, from the package as it is installed."""
    script = runpy.run_path(str(ROOT / ".ci" / "prices.py"))
    text: str = script["generate"](NOON)
    return text.encode()


def used(prompt: int, completion: int = 0, cached: int | None = None, written: int | None = None) -> Usage:
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        cost_usd=None,
    )


def their_cost(provider: str, model: str, usage: Usage) -> float:
    theirs = GenaiUsage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    price = calc_price(theirs, model, provider_id=THEIRS[provider], genai_request_timestamp=NOON)
    return float(price.total_price)


def refs(text: bytes) -> Iterator[tuple[str, str]]:
    """Every way to name a model that the table knows of."""
    for provider, entries in json.loads(text)["models"].items():
        for entry in entries:
            for name in entry.get("dated", ()):
                yield from ((provider, name), (provider, f"{name}-20261101"))
            for form in ("names", "prefixes", "parts"):
                yield from ((provider, name) for name in entry.get(form, ()))
            yield from ((provider, f"{prefix}-x") for prefix in entry.get("prefixes", ()))


def test_the_table_has_the_form_that_the_code_needs() -> None:
    text = FILE.read_bytes()
    value = json.loads(text)
    assert len(text) < 100_000
    assert re.fullmatch(r"genai-prices \d+\.\d+\.\d+", value["source"])
    assert date.fromisoformat(value["date"]) <= datetime.now(UTC).date()
    assert value["models"].keys() == THEIRS.keys()
    for entry in (entry for entries in value["models"].values() for entry in entries):
        names = [name for form in ("names", "dated", "prefixes", "parts") for name in entry.pop(form, [])]
        assert names == [name.lower().strip() for name in names if name]
        assert names
        aboves = [row["above"] for row in entry["prices"]]
        assert aboves == sorted(set(aboves))
        assert aboves[0] == 0
        for row in entry.pop("prices"):
            assert row.keys() == {"above", "input", "output", "cached_input", "cache_write"}
            assert all(
                type(price) in (int, float) and 0 <= price < 1000 for name, price in row.items() if name != "above"
            )
        assert not entry
    assert (table().source, table().date) == (value["source"], value["date"])


def test_the_script_makes_the_same_file_from_the_same_package(generated: bytes) -> None:
    script = runpy.run_path(str(ROOT / ".ci" / "prices.py"))
    assert script["generate"](NOON.replace(hour=0, tzinfo=None)).encode() == generated
    assert json.loads(generated)["date"] == "2026-11-20"


def test_every_cost_is_that_of_the_package(generated: bytes) -> None:
    prices = Table.parse(generated)
    wrong = []
    seen = 0
    for provider, model in refs(generated):
        for count in COUNTS:
            usage = used(count, 1_000 + count, cached=count // 3, written=count // 4)
            price = tier(prices.prices(provider, model), count)
            seen += 1
            if price is None or price.cost(usage) != pytest.approx(their_cost(provider, model, usage), rel=1e-9):
                wrong.append((provider, model, count))
    assert not wrong
    assert seen > 1_000


def test_the_models_of_openai_cost_the_same_on_azure_unless_azure_has_a_price() -> None:
    assert price_of("azure-openai", "gpt-6-luna") == price_of("openai", "gpt-6-luna")
    assert price_of("azure-openai", "phi-4") is not None
    assert price_of("openai", "phi-4") is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", ""),
        ("openai", "llama3.2"),
        ("openai", "gpt-6-luna-2026-1101"),
        ("openai", "gpt-6-luna-2026-11-01-tuned"),
        ("openai", "gpt-6-lunatic"),
        ("openai", "claude-sonnet-5-5"),
        ("openai", "gpt-oss-20b"),
        ("openai", "gpt-realtime-2"),
        ("openai", "whisper-1"),
        ("anthropic", "gpt-6-luna"),
        ("anthropic", "claude-sonnet-5-55"),
        ("anthropic", "claude-opus-6"),
        ("azure-openai", "my-deployment"),
    ],
)
def test_what_is_not_sold_has_no_price(provider: Any, model: str) -> None:
    assert price_of(provider, model) is None


@pytest.mark.parametrize(
    "model", ["gpt-6-luna", "GPT-6-Luna", "gpt-6-luna-2026-11-01", "gpt-6-luna-20261101", "gpt-6-luna@20261101"]
)
def test_a_model_is_known_with_the_date_of_a_version(model: str) -> None:
    price = price_of("openai", model)
    assert price is not None
    assert price == price_of("openai", "gpt-6-luna")


def test_a_long_prompt_has_another_price() -> None:
    prices = [price_of("openai", "gpt-6-luna", prompt_tokens) for prompt_tokens in (0, 272_000, 272_001)]
    first, at, above = (price for price in prices if price is not None)
    assert first == at
    assert above.input > at.input
    assert above.output > at.output


@given(
    prompt=strategies.integers(0, 10**7),
    completion=strategies.integers(0, 10**6),
    cached=strategies.integers(0, 10**7),
    times=strategies.integers(1, 1000),
)
def test_a_cost_is_linear_and_never_negative(prompt: int, completion: int, cached: int, times: int) -> None:
    price = Price(above=0, input=3, output=15, cached_input=0.3, cache_write=3.75)
    cost = price.cost(used(prompt + cached, completion, cached))
    assert cost >= 0
    many = price.cost(used(times * (prompt + cached), times * completion, times * cached))
    assert many == pytest.approx(times * cost, rel=1e-9, abs=times * 1e-12)
    assert price.cost(used(0, completion, cached)) >= 0
