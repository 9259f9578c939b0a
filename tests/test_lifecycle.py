"""How the process ends: end of input, `shutdown`, `exit`, signals. Whatever the reason, requests are answered."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar, question

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
SIGNAL_SECONDS = 6
"""The protocol says 2; this bound is for a machine that does other things too."""

Start = Callable[..., Sidecar]


def begin(sidecar: Sidecar, *request_ids: Any, delay_ms: float = 60_000, after_tokens: int = 0) -> None:
    """Chats that take `delay_ms` to their first token, or to the one after."""
    name = "tokenDelayMs" if after_tokens else "firstTokenDelayMs"
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 0, "tokenDelayMs": 0, name: delay_ms}})
    for request_id in request_ids:
        sidecar.request(request_id, "chat/complete", question())
    sidecar.call("health/check")


def kind(sidecar: Sidecar, request_id: Any) -> str:
    """The kind of error that a request was answered with, or `ok`."""
    response = sidecar.response(request_id)
    return "ok" if "result" in response else str(response["error"]["data"]["kind"])


def assert_quiet(sidecar: Sidecar) -> None:
    assert not [record for record in sidecar.records() if record["level"] in ("error", "critical")]


# End of input


@pytest.mark.parametrize("is_initialized", [True, False])
def test_the_end_of_input_lets_work_finish(start: Start, is_initialized: bool) -> None:
    sidecar = start()
    if is_initialized:
        sidecar.initialize()
    begin(sidecar, 1, 2, delay_ms=300)
    assert sidecar.end() == 0
    assert [kind(sidecar, request_id) for request_id in (1, 2)] == ["ok", "ok"]
    assert_quiet(sidecar)


def test_the_end_of_input_in_mid_stream_lets_it_finish(start: Start) -> None:
    sidecar = start()
    begin(sidecar, 1, delay_ms=10, after_tokens=1)
    sidecar.wait_for(lambda message: message.get("method") == "stream/token")
    assert sidecar.end() == 0
    content = sidecar.response(1)["result"]["content"]
    assert "".join(message["params"].get("token", "") for message in sidecar.notifications(1)) == content


@pytest.mark.parametrize("is_initialized", [True, False])
def test_a_drain_timeout_bounds_the_wait(start: Start, is_initialized: bool) -> None:
    sidecar = start("--drain-timeout", "0.3")
    if is_initialized:
        sidecar.initialize()
    begin(sidecar, 1, after_tokens=1)
    assert sidecar.end() == 0
    error = sidecar.response(1)["error"]
    assert (error["code"], error["data"]["kind"], error["data"]["partial"]) == (-32002, "shuttingDown", "No")
    assert_quiet(sidecar)


def test_the_end_of_an_empty_input_ends_the_process(start: Start) -> None:
    sidecar = start()
    assert sidecar.end() == 0
    assert (sidecar.messages, sidecar.log) == ([], [])


# shutdown and exit


def test_shutdown_finishes_what_it_can_and_cancels_the_rest(start: Start) -> None:
    sidecar = start()
    begin(sidecar, "long", after_tokens=1)
    begin(sidecar, "short", delay_ms=200)
    assert sidecar.call("shutdown", {"graceMs": 1500}) == {}
    answered = [message["id"] for message in sidecar.messages[-3:]]
    assert answered == ["short", "long", "call-5"]
    assert (kind(sidecar, "short"), kind(sidecar, "long")) == ("ok", "shuttingDown")
    assert sidecar.response("long")["error"]["data"]["partial"] == "No"
    sidecar.notify("exit")
    assert sidecar.exit_code() == 0


def test_shutdown_refuses_new_work_and_still_tells_how_it_is(start: Start) -> None:
    sidecar = start()
    begin(sidecar, 1)
    sidecar.request("bye", "shutdown", {"graceMs": 1000})
    assert sidecar.call("chat/complete", question())["data"]["kind"] == "shuttingDown"
    assert sidecar.call("settings/get")["data"]["kind"] == "shuttingDown"
    assert sidecar.call("ping") == {}
    assert sidecar.call("health/check")["status"] == "healthy"
    assert sidecar.response("bye")["result"] == {}
    assert kind(sidecar, 1) == "shuttingDown"
    assert sidecar.call("chat/complete", question())["data"]["kind"] == "shuttingDown"
    sidecar.assert_alive()
    assert sidecar.end() == 0


def test_shutdown_of_an_idle_process_is_answered_at_once(start: Start) -> None:
    sidecar = start()
    assert sidecar.call("shutdown", {"graceMs": 600_000}) == {}
    assert sidecar.end() == 0


def test_two_shutdowns_do_not_wait_for_each_other(start: Start) -> None:
    sidecar = start()
    begin(sidecar, 1, delay_ms=200)
    for request_id in ("a", "b"):
        sidecar.request(request_id, "shutdown", {"graceMs": 600_000})
    assert [kind(sidecar, request_id) for request_id in (1, "a", "b")] == ["ok", "ok", "ok"]


def test_exit_without_shutdown_answers_what_runs(start: Start) -> None:
    sidecar = start()
    begin(sidecar, 1, 2, after_tokens=1)
    sidecar.notify("exit")
    assert sidecar.exit_code() == 0
    assert [kind(sidecar, request_id) for request_id in (1, 2)] == ["shuttingDown", "shuttingDown"]


def test_exit_ends_a_shutdown_that_still_waits(start: Start) -> None:
    sidecar = start()
    begin(sidecar, 1)
    sidecar.request("bye", "shutdown", {"graceMs": 600_000})
    sidecar.notify("exit")
    assert sidecar.exit_code() == 0
    assert kind(sidecar, 1) == "shuttingDown"
    assert kind(sidecar, "bye") in ("ok", "shuttingDown")


# Signals


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_an_idle_process(start: Start, number: signal.Signals) -> None:
    sidecar = start()
    sidecar.call("ping")
    sidecar.process.send_signal(number)
    assert sidecar.exit_code(SIGNAL_SECONDS) == 0
    assert_quiet(sidecar)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_busy_process_and_everything_is_answered(start: Start, number: signal.Signals) -> None:
    sidecar = start()
    begin(sidecar, "long", after_tokens=1)
    begin(sidecar, "short", delay_ms=100)
    sidecar.process.send_signal(number)
    assert sidecar.exit_code(SIGNAL_SECONDS) == 0
    assert (kind(sidecar, "short"), kind(sidecar, "long")) == ("ok", "shuttingDown")
    assert sidecar.response("long")["error"]["data"]["partial"] == "No"
    assert_quiet(sidecar)


def test_a_request_that_was_written_before_the_signal_is_answered(start: Start) -> None:
    sidecar = start()
    sidecar.call("ping")
    for request_id in range(50):
        sidecar.request(request_id, "chat/complete", question(stream=False))
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.exit_code(SIGNAL_SECONDS) == 0
    assert {kind(sidecar, request_id) for request_id in range(50)} <= {"ok", "shuttingDown"}


def test_after_a_signal_new_work_is_refused_and_a_second_one_is_immediate(start: Start) -> None:
    sidecar = start()
    begin(sidecar, 1)
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.call("chat/complete", question(stream=False))["data"]["kind"] == "shuttingDown"
    sidecar.process.send_signal(signal.SIGINT)
    assert sidecar.exit_code(SIGNAL_SECONDS) == 0
    sidecar.wait_for_output_end()
    assert 1 not in [message["id"] for message in sidecar.messages]


@pytest.mark.source
@pytest.mark.parametrize("method", ["test/block", "test/hang"])
def test_a_signal_ends_a_process_that_is_stuck(start_with_test_methods: Start, method: str) -> None:
    sidecar = start_with_test_methods()
    sidecar.call("ping")
    sidecar.request(1, method, {"key": "", "seconds": 60} if method == "test/block" else {})
    if method == "test/block":
        sidecar.wait_for_log("blocking")
    else:
        sidecar.call("test/turn", {"key": "k"})
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.exit_code(SIGNAL_SECONDS) == 0
    if method == "test/hang":
        assert kind(sidecar, 1) == "shuttingDown"


@pytest.mark.source
@pytest.mark.parametrize("method", ["test/exit", "test/exitNow", "test/loseCancellation"])
def test_a_method_cannot_end_the_process(start_with_test_methods: Start, method: str) -> None:
    sidecar = start_with_test_methods()
    assert sidecar.call(method)["data"]["kind"] == "internal"
    sidecar.assert_alive()


# The reader is gone


@pytest.mark.parametrize("is_streaming", [True, False])
def test_a_closed_stdout_is_a_silent_end(start: Start, is_streaming: bool) -> None:
    sidecar = start(read=False)
    stdout = sidecar.process.stdout
    assert stdout is not None
    if is_streaming:
        sidecar.request(1, "settings/update", {"offline": {"tokenDelayMs": 1}})
        sidecar.request(2, "chat/complete", question("word " * 5000))
        while b"stream/token" not in stdout.readline():
            pass
    stdout.close()
    sidecar.request(3, "ping")
    assert sidecar.exit_code(SIGNAL_SECONDS) == 0
    assert_quiet(sidecar)
