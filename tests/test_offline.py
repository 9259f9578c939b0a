"""The offline provider's delays and faults: what a host needs to try out its slow and unhappy paths."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar, question

FAULTS = {
    "rateLimited": (-32012, "rateLimited", True),
    "unavailable": (-32010, "providerUnavailable", True),
    "streamInterrupted": (-32017, "streamInterrupted", True),
    "authenticationFailed": (-32011, "authenticationFailed", False),
    "quotaExceeded": (-32013, "quotaExceeded", False),
    "contextWindowExceeded": (-32014, "contextWindowExceeded", False),
    "contentFiltered": (-32015, "contentFiltered", False),
    "modelNotFound": (-32016, "modelNotFound", False),
    "rejected": (-32018, "providerRejected", False),
}


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    sidecar = start()
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    return sidecar


def set_offline(sidecar: Sidecar, **offline: Any) -> None:
    assert sidecar.call("settings/update", {"offline": offline})["offline"].items() >= offline.items()


def test_the_first_token_comes_after_its_delay(sidecar: Sidecar) -> None:
    set_offline(sidecar, firstTokenDelayMs=150)
    assert sidecar.call("chat/complete", question())["firstTokenMs"] >= 150


def test_each_further_token_comes_after_its_delay(sidecar: Sidecar) -> None:
    set_offline(sidecar, tokenDelayMs=20)
    result = sidecar.call("chat/complete", question(maxTokens=6))
    assert result["durationMs"] - result["firstTokenMs"] >= 5 * 20


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_the_error_of_its_kind(sidecar: Sidecar, fault: str) -> None:
    set_offline(sidecar, fault=fault)
    error = sidecar.call("chat/complete", question(), request_id=1)
    data = error["data"]
    assert (error["code"], data["kind"], data["retryable"]) == FAULTS[fault]
    assert data["provider"] == "offline"
    assert data["userMessage"]
    assert ("retryAfterMs" in data) == (fault == "rateLimited")
    assert "partial" not in data
    assert sidecar.notifications(1) == []


def test_the_internal_fault_looks_like_a_bug(sidecar: Sidecar) -> None:
    set_offline(sidecar, fault="internal")
    error = sidecar.call("chat/complete", question())
    assert (error["code"], error["data"]["kind"]) == (-32603, "internal")
    assert "Traceback" not in str(error)
    assert "Traceback" in sidecar.wait_for_log(f'"errorId": "{error["data"]["errorId"]}", "exception"')


@pytest.mark.parametrize("stream", [True, False])
def test_an_interrupted_stream_hands_back_what_had_come(sidecar: Sidecar, stream: bool) -> None:
    set_offline(sidecar, fault="streamInterrupted", faultAfterTokens=3)
    error = sidecar.call("chat/complete", question(stream=stream), request_id=1)
    assert error["data"]["kind"] == "streamInterrupted"
    assert error["data"]["partial"] == "No model is"
    streamed = "".join(message["params"]["token"] for message in sidecar.notifications(1))
    assert streamed == ("No model is" if stream else "")


def test_a_fault_after_more_tokens_than_there_are_comes_at_the_end(sidecar: Sidecar) -> None:
    set_offline(sidecar, fault="rateLimited", faultAfterTokens=1000)
    error = sidecar.call("chat/complete", question(), request_id=1)
    assert error["data"]["kind"] == "rateLimited"
    assert error["data"]["partial"].endswith("You wrote: Hello, world")
    assert sidecar.notifications(1, "stream/usage") == []


def test_a_fault_ends_with_the_setting(sidecar: Sidecar) -> None:
    set_offline(sidecar, fault="unavailable")
    assert sidecar.call("chat/complete", question())["data"]["kind"] == "providerUnavailable"
    sidecar.call("settings/update", {"offline": {"fault": None}})
    assert sidecar.call("chat/complete", question())["finishReason"] == "stop"


def test_an_unknown_fault_is_refused(sidecar: Sidecar) -> None:
    error = sidecar.call("settings/update", {"offline": {"fault": "coffee"}})
    assert [detail["path"] for detail in error["data"]["errors"]] == ["offline.fault"]


def test_a_fault_makes_the_service_unready_until_it_ends(sidecar: Sidecar) -> None:
    set_offline(sidecar, fault="rateLimited")
    ready = sidecar.call("health/ready")
    assert (ready["ready"], ready["components"]["provider"]["status"]) == (False, "unhealthy")
    set_offline(sidecar, fault=None)
    assert sidecar.call("health/ready")["ready"] is True


def test_tokens_are_counted_as_the_usage_counts_them(sidecar: Sidecar) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, world  \n again"}]
    usage = sidecar.call("chat/complete", {"messages": messages})["usage"]
    assert sidecar.call("token/count", {"messages": messages}) == {"tokens": usage["promptTokens"], "exact": True}


def test_there_are_no_embeddings_without_a_model(sidecar: Sidecar) -> None:
    error = sidecar.call("embedding/create", {"input": ["x"], "config": {"provider": "offline", "model": "offline"}})
    assert (error["data"]["kind"], error["data"]["provider"]) == ("providerNotConfigured", "offline")
    assert "embeddings" in error["data"]["userMessage"]


@pytest.mark.source
def test_what_the_offline_provider_needs_is_never_a_client_of_http(
    start: Callable[..., Sidecar], tmp_path: Path
) -> None:
    (tmp_path / "httpx2.py").write_text("raise RuntimeError('imported')\n")
    sidecar = start(env={"PYTHONPATH": str(tmp_path)})
    for method in ("chat/complete", "token/count"):
        assert "data" not in sidecar.call(method, {"messages": [{"role": "user", "content": "Hello"}]}), method
    assert sidecar.call("health/ready")["ready"] is True
