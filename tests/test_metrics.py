"""`metrics/get`: what has been counted since the start."""

import json
import re
from collections.abc import Callable

import pytest

from tests.providers.ollama import answering, ask, last, piece, sending
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    return start()


def test_a_fresh_process_has_counted_nothing(sidecar: Sidecar) -> None:
    metrics = sidecar.call("metrics/get")
    nothing = {"count": 0, "p50": None, "p95": None, "p99": None}
    assert metrics.pop("uptimeMs") >= 0
    prices = metrics.pop("prices")
    assert metrics == {
        "requests": {},
        "retries": 0,
        "cache": {"hits": 0, "misses": 0},
        "models": [],
        "costUsd": 0.0,
        "budget": {"maxCostUsd": None, "spentUsd": 0.0},
        "stream": {"firstTokenMs": nothing, "perTokenMs": nothing},
    }
    assert re.fullmatch(r"genai-prices [\d.]+", prices["source"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", prices["date"])


def test_retries_are_counted_beside_requests(sidecar: Sidecar, serve: Serve) -> None:
    busy, hello = sending(503, {}, Retry_After="0"), answering(piece("Hello"), last())

    async def script(request: Request, reply: Reply) -> None:
        await (hello if len(server.requests) == 3 else busy)(request, reply)

    server = serve(script)
    assert sidecar.call("chat/complete", ask(server.url))["attempts"] == 3
    metrics = sidecar.call("metrics/get")
    assert metrics["retries"] == 2
    assert metrics["requests"]["chat/complete"] == {"ok": 1}
    assert [(model["model"], model["requests"]) for model in metrics["models"]] == [("test-model", 1)]


def test_the_cost_of_a_local_model_is_nothing(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(piece("Hello"), last()))
    assert sidecar.call("chat/complete", ask(server.url, config={"model": "gpt-6-astra"}))["usage"]["costUsd"] == 0
    assert sidecar.call("metrics/get")["costUsd"] == 0


@pytest.mark.parametrize("count", [-5, 2**62])
def test_counts_that_can_not_be_are_not_counted(sidecar: Sidecar, serve: Serve, count: int) -> None:
    server = serve(answering(piece("Hello"), last(prompt_eval_count=count)))
    usage = sidecar.call("chat/complete", ask(server.url))["usage"]
    assert (usage["promptTokens"], usage["completionTokens"]) == (0, 3)
    assert sidecar.call("metrics/get")["models"][0]["promptTokens"] == 0


def test_vectors_are_counted_with_their_model(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(200, json.dumps({"embeddings": [[0.5]], "prompt_eval_count": 7}).encode())

    config = {"provider": "ollama", "endpoint": serve(script).url, "model": "embedder"}
    sidecar.call("embedding/create", {"input": ["x"], "config": config})
    (model,) = sidecar.call("metrics/get")["models"]
    assert (model["model"], model["requests"], model["promptTokens"], model["costUsd"]) == ("embedder", 1, 7, 0)
