"""Is it well, and what has it done: `health/*`, `metrics/get`, `model/list`."""

from collections.abc import Callable

import pytest

from ckservice import __version__
from tests.sidecar import Sidecar, question


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    return start()


@pytest.mark.parametrize("method", ["health/check", "health/live"])
def test_a_fresh_process_is_healthy(sidecar: Sidecar, method: str) -> None:
    health = sidecar.call(method)
    assert (health["status"], health["version"]) == ("healthy", __version__)
    assert (health["received"], health["answered"], health["inFlight"]) == (1, 0, 1)
    assert health["uptimeMs"] >= 0
    assert health["eventLoopLagMs"] >= 0
    assert {name: component["status"] for name, component in health["components"].items()} == {
        "dataDirectory": "healthy",
        "output": "healthy",
    }


def test_the_books_hold_requests_errors_and_broken_lines(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 60_000}})
    sidecar.request("slow", "chat/complete", question())
    sidecar.call("nothing/here")
    sidecar.write(b"{broken\n")
    sidecar.notify("unknown/notification")
    health = sidecar.call("health/check")
    assert (health["received"], health["answered"], health["inFlight"]) == (5, 3, 2)


def test_ready_asks_the_provider(sidecar: Sidecar) -> None:
    ready = sidecar.call("health/ready")
    assert (ready["ready"], ready["status"], ready["components"]["provider"]) == (
        True,
        "healthy",
        {"status": "healthy"},
    )
    sidecar.call("settings/update", {"offline": {"fault": "authenticationFailed"}})
    ready = sidecar.call("health/ready")
    assert (ready["ready"], ready["status"]) == (False, "unhealthy")
    assert ready["components"]["provider"]["message"]
    assert sidecar.call("health/check")["status"] == "healthy"


def test_a_provider_without_an_adapter_is_not_ready(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"config": {"provider": "openai"}})
    assert sidecar.call("health/ready")["ready"] is False


def test_metrics_count_answers_by_method_and_outcome(sidecar: Sidecar) -> None:
    sidecar.call("ping")
    sidecar.call("ping")
    sidecar.call("ping", {"loud": True})
    sidecar.call("nothing/here")
    sidecar.call("chat/complete", question(model="gpt-5"))
    assert sidecar.call("metrics/get")["requests"] == {
        "ping": {"ok": 2, "invalidParams": 1},
        "": {"methodNotFound": 1},
        "chat/complete": {"providerNotConfigured": 1},
    }


def test_metrics_sum_up_tokens_by_model(sidecar: Sidecar) -> None:
    usages = [sidecar.call("chat/complete", question(text))["usage"] for text in ("one", "one two")]
    assert sidecar.call("metrics/get")["models"] == [
        {
            "provider": "offline",
            "model": "offline",
            "requests": 2,
            "promptTokens": 3,
            "completionTokens": sum(usage["completionTokens"] for usage in usages),
            "costUsd": 0.0,
        }
    ]


def test_metrics_time_the_streams(sidecar: Sidecar) -> None:
    empty = {"count": 0, "p50": None, "p95": None, "p99": None}
    assert sidecar.call("metrics/get")["stream"] == {"firstTokenMs": empty, "perTokenMs": empty}
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 40, "tokenDelayMs": 10}})
    sidecar.call("chat/complete", question(maxTokens=5))
    stream = sidecar.call("metrics/get")["stream"]
    assert (stream["firstTokenMs"]["count"], stream["perTokenMs"]["count"]) == (1, 4)
    assert stream["firstTokenMs"]["p50"] >= 40
    assert 10 <= stream["perTokenMs"]["p50"] <= stream["perTokenMs"]["p95"] <= stream["perTokenMs"]["p99"]


def test_the_offline_model_is_listed(sidecar: Sidecar) -> None:
    listed = sidecar.call("model/list", {"provider": "offline"})
    assert [(model["id"], model["provider"]) for model in listed["models"]] == [("offline", "offline")]
    assert listed["errors"] == []


def test_a_provider_that_cannot_list_is_an_entry_among_the_errors(sidecar: Sidecar) -> None:
    listed = sidecar.call("model/list", {"provider": "anthropic"})
    assert listed["models"] == []
    assert [(error["provider"], error["kind"]) for error in listed["errors"]] == [
        ("anthropic", "providerNotConfigured")
    ]


def test_health_is_told_while_the_host_is_overloading(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"limits": {"maxInFlight": 1}, "offline": {"firstTokenDelayMs": 60_000}})
    sidecar.request("slow", "chat/complete", question())
    assert sidecar.call("health/check")["inFlight"] == 2
