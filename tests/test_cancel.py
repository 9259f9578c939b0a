"""Requests that end early, because the host says so or their time is up."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar, question

LATENCY_SECONDS = 1.0
"""The target is 50 ms; this bound is for a machine that does other things too."""

SPELLINGS = {"$/cancelRequest": "id", "notifications/cancelled": "requestId", "$/cancel_request": "requestId"}


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    return start()


def begin_slow(sidecar: Sidecar, request_id: Any, *, after_tokens: int = 0, **params: Any) -> None:
    """A chat that has sent some tokens and will not send another for a minute."""
    delays = {"tokenDelayMs": 60_000} if after_tokens else {"firstTokenDelayMs": 60_000}
    sidecar.call("settings/update", {"offline": delays})
    sidecar.request(request_id, "chat/complete", question(**params))
    if after_tokens:
        sidecar.wait_for(lambda message: message.get("params", {}).get("requestId") == request_id)
    else:
        sidecar.call("ping")


def cancelled(sidecar: Sidecar, request_id: Any) -> dict[str, Any]:
    error: dict[str, Any] = sidecar.response(request_id)["error"]
    assert (error["code"], error["data"]["kind"], error["data"]["retryable"]) == (-32800, "cancelled", False)
    return error


@pytest.mark.parametrize("method", SPELLINGS)
def test_every_spelling_cancels(sidecar: Sidecar, method: str) -> None:
    begin_slow(sidecar, 1)
    sidecar.notify(method, {SPELLINGS[method]: 1})
    assert "partial" not in cancelled(sidecar, 1)["data"]
    sidecar.assert_alive()


def test_a_cancel_in_mid_stream_hands_back_the_text_so_far(sidecar: Sidecar) -> None:
    begin_slow(sidecar, "s", after_tokens=1)
    sidecar.notify("$/cancelRequest", {"id": "s"})
    assert cancelled(sidecar, "s")["data"]["partial"] == "No"


def test_a_cancelled_request_without_stream_hands_back_its_text_too(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"tokenDelayMs": 60_000}})
    sidecar.request(1, "chat/complete", question(stream=False))
    sidecar.call("ping")
    sidecar.call("health/check")  # goes through the event loop behind the chat, which has its first token by then
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert cancelled(sidecar, 1)["data"]["partial"] == "No"


def test_nothing_comes_after_the_response(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"tokenDelayMs": 1}})
    sidecar.request(1, "chat/complete", question("word " * 2000))
    sidecar.wait_for(lambda message: message.get("params", {}).get("seq") == 5)
    sidecar.notify("$/cancelRequest", {"id": 1})
    text = cancelled(sidecar, 1)["data"]["partial"]
    sidecar.call("health/check")
    own = [m for m in sidecar.messages if m.get("id") == 1 or m.get("params", {}).get("requestId") == 1]
    assert "error" in own[-1]
    assert "".join(message["params"]["token"] for message in own[:-1]) == text


def test_a_cancel_in_the_same_write_as_its_request_is_not_lost(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 60_000}})
    request = {"jsonrpc": "2.0", "id": 1, "method": "chat/complete", "params": question()}
    sidecar.send([request, {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}}])
    answer = sidecar.wait_for(lambda message: isinstance(message, list))
    assert [item["error"]["data"]["kind"] for item in answer] == ["cancelled"]


def test_only_the_request_that_is_named_is_cancelled(sidecar: Sidecar) -> None:
    begin_slow(sidecar, 1)
    sidecar.request("1", "chat/complete", question())
    sidecar.notify("$/cancelRequest", {"id": "1"})
    cancelled(sidecar, "1")
    assert sidecar.call("health/check")["inFlight"] == 2
    sidecar.notify("$/cancelRequest", {"id": 1})
    cancelled(sidecar, 1)


@pytest.mark.parametrize(
    "params", [{"id": "unknown"}, {"id": "done"}, {"id": None}, {"id": True}, {"id": [1]}, {"requestId": 1}, {}]
)
def test_cancelling_what_is_not_in_flight_is_ignored(sidecar: Sidecar, params: dict[str, Any]) -> None:
    begin_slow(sidecar, 1)
    sidecar.call("ping", request_id="done")
    sidecar.notify("$/cancelRequest", params)
    health = sidecar.call("health/check")
    assert (health["inFlight"], health["received"] - health["answered"]) == (2, 2)


def test_cancelling_twice_is_answered_once(sidecar: Sidecar) -> None:
    begin_slow(sidecar, 1)
    for _ in range(3):
        sidecar.notify("$/cancelRequest", {"id": 1})
    cancelled(sidecar, 1)
    sidecar.assert_alive()
    assert sum(message.get("id") == 1 for message in sidecar.messages) == 1


def test_an_id_can_be_used_again_after_a_cancel(sidecar: Sidecar) -> None:
    begin_slow(sidecar, 1)
    sidecar.notify("$/cancelRequest", {"id": 1})
    cancelled(sidecar, 1)
    sidecar.messages.clear()
    sidecar.call("settings/update", {"offline": None})
    assert sidecar.call("chat/complete", question(), request_id=1)["finishReason"] == "stop"


def test_a_cancel_is_answered_soon(sidecar: Sidecar) -> None:
    begin_slow(sidecar, 1, after_tokens=1)
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": 1})
    cancelled(sidecar, 1)
    assert time.monotonic() - before < LATENCY_SECONDS


def test_a_storm_of_cancels_leaves_no_request_without_an_answer(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"tokenDelayMs": 1}})
    for number in range(200):
        sidecar.request(number, "chat/complete", question(maxTokens=4))
        sidecar.notify("$/cancelRequest", {"id": number - number % 3})
    kinds = {sidecar.response(number).get("error", {}).get("data", {}).get("kind") for number in range(200)}
    assert kinds == {None, "cancelled"}
    sidecar.assert_alive()


@pytest.mark.source
def test_a_request_waiting_for_its_turn_is_cancelled_at_once(start_with_test_methods: Callable[..., Sidecar]) -> None:
    sidecar = start_with_test_methods()
    for request_id in (1, 2):
        sidecar.request(request_id, "test/turn", {"key": "k", "seconds": 60})
    sidecar.notify("$/cancelRequest", {"id": 2})
    cancelled(sidecar, 2)
    assert sidecar.notifications(2) == []
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert cancelled(sidecar, 1)["data"]["partial"] == "begin k"
    assert sidecar.call("test/turn", {"key": "k"}) == {"text": "k"}


@pytest.mark.source
def test_a_handler_that_does_not_unwind_is_answered_for(start_with_test_methods: Callable[..., Sidecar]) -> None:
    sidecar = start_with_test_methods()
    sidecar.request(1, "test/hang")
    sidecar.notify("$/cancelRequest", {"id": 1})
    cancelled(sidecar, 1)
    sidecar.request(2, "test/hang", {"_meta": {"timeoutMs": 50}})
    assert sidecar.response(2)["error"]["data"]["kind"] == "deadlineExceeded"
    sidecar.assert_alive()
    sidecar.request(3, "test/hang")
    assert sidecar.call("shutdown", {"graceMs": 50}) == {}
    assert sidecar.response(3)["error"]["data"]["kind"] == "shuttingDown"
    assert sidecar.end() == 0


# Deadlines


def test_a_request_whose_time_is_up_hands_back_the_text_so_far(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"tokenDelayMs": 60_000}})
    error = sidecar.call("chat/complete", question(_meta={"timeoutMs": 100}))
    assert (error["code"], error["data"]["kind"], error["data"]["retryable"]) == (-32003, "deadlineExceeded", True)
    assert error["data"]["partial"] == "No"


def test_a_request_within_its_time_is_not_touched(sidecar: Sidecar) -> None:
    result = sidecar.call("chat/complete", question(_meta={"timeoutMs": 60_000, "traceparent": "00-ab-cd-01"}))
    assert result["finishReason"] == "stop"


@pytest.mark.parametrize("timeout", [0, -1, 1.5, "100", True, 10**12])
def test_an_invalid_time_limit_is_refused(sidecar: Sidecar, timeout: Any) -> None:
    error = sidecar.call("ping", {"_meta": {"timeoutMs": timeout}})
    assert error["data"]["kind"] == "invalidParams"
    assert [detail["path"] for detail in error["data"]["errors"]] == ["_meta.timeoutMs"]


@pytest.mark.parametrize("method", ["ping", "health/check", "settings/get", "model/list", "shutdown"])
def test_every_request_takes_meta(sidecar: Sidecar, method: str) -> None:
    assert "code" not in sidecar.call(method, {"_meta": {"timeoutMs": 60_000, "progressToken": 1}})


def test_the_trace_context_is_in_the_log(sidecar: Sidecar) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    error = sidecar.call("chat/complete", question(model="gpt-5", _meta={"traceparent": trace}))
    line = sidecar.wait_for_log(error["data"]["errorId"])
    assert f'"traceparent": "{trace}"' in line
