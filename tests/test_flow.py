"""Exactly one answer to every request, and bounded memory, however many come and however slowly the host reads."""

import json
import threading
from collections.abc import Callable, Iterable
from itertools import cycle
from types import TracebackType
from typing import Any, Self

import psutil
import pytest

from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]

MB = 1_000_000
MIB = 1024 * 1024
FOREVER_MS = 600_000
CANCELS = (("$/cancelRequest", "id"), ("notifications/cancelled", "requestId"), ("$/cancel_request", "requestId"))
"""The spellings of "cancel", and the member that names the request."""


class Growth:
    """By how many bytes a process has grown at most while the block ran."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._process = psutil.Process(sidecar.process.pid)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._before = 0
        self.bytes = 0

    def __enter__(self) -> Self:
        self._before = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.01):
            self.bytes = max(self.bytes, self._process.memory_info().rss - self._before)


def chat(sidecar: Sidecar, request_id: Any, text: str = "x", **params: Any) -> None:
    sidecar.request(request_id, "chat/complete", {"messages": [{"role": "user", "content": text}], **params})


def cancel(sidecar: Sidecar, request_id: Any, spelling: tuple[str, str] = CANCELS[0]) -> None:
    sidecar.notify(spelling[0], {spelling[1]: request_id})


def never_answer(sidecar: Sidecar, **settings: Any) -> None:
    """Have the offline provider wait until it is cancelled."""
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": FOREVER_MS}, **settings})


def outcome(sidecar: Sidecar, request_id: Any) -> str:
    response = sidecar.response(request_id)
    return "ok" if "result" in response else str(response["error"]["data"]["kind"])


def expect_one_answer_each(sidecar: Sidecar, request_ids: Iterable[Any], seconds: float = 20) -> None:
    """Wait for the answers, then make sure that nothing is left which could answer a second time."""
    names = {json.dumps(request_id) for request_id in request_ids}
    sidecar.wait_until(lambda: names <= sidecar.answers.keys(), seconds)
    health = sidecar.call("health/check")
    assert (health["inFlight"], health["received"] - health["answered"]) == (1, 1)
    assert set(sidecar.answers.values()) == {1}


# Many at once


def test_3000_requests_written_before_anything_is_read(start: Start) -> None:
    sidecar = start(read=False)
    methods = cycle(("ping", "no/method", "chat/complete", "settings/get", "health/check"))
    for number, method in zip(range(3000), methods, strict=False):
        sidecar.request(number, method, {"messages": [{"role": "user", "content": "x"}]} if "chat" in method else None)
    sidecar.start_reading()
    expect_one_answer_each(sidecar, range(3000))


def test_an_id_in_flight_is_refused_and_free_again_afterwards(start: Start) -> None:
    sidecar = start()
    never_answer(sidecar)
    chat(sidecar, 1)
    chat(sidecar, 1)
    chat(sidecar, "1")  # another id
    assert outcome(sidecar, 1) == "duplicateId"
    cancel(sidecar, 1)
    cancel(sidecar, "1")
    sidecar.wait_until(lambda: sidecar.answers["1"] == 2 and sidecar.answers['"1"'] == 1)
    assert sidecar.call("ping") == {}
    chat(sidecar, 1)
    cancel(sidecar, 1)
    sidecar.wait_until(lambda: sidecar.answers["1"] == 3)
    sidecar.assert_alive()


def test_while_256_requests_run_the_service_can_be_asked_cancelled_and_ended(start: Start) -> None:
    sidecar = start()
    never_answer(sidecar)
    for number in range(256 + 8):
        chat(sidecar, number)
    for number in range(256, 256 + 8):
        error = sidecar.response(number)["error"]
        assert (error["data"]["kind"], error["code"], error["data"]["retryable"]) == ("overloaded", -32001, True)
        assert error["data"]["retryAfterMs"] > 0
    assert sidecar.call("ping") == {}
    health = sidecar.call("health/check")
    assert health["inFlight"] >= 256
    assert health["received"] == health["answered"] + health["inFlight"]
    cancel(sidecar, 100)
    assert outcome(sidecar, 100) == "cancelled"
    chat(sidecar, "late")  # there is room again
    cancel(sidecar, "late")
    assert outcome(sidecar, "late") == "cancelled"
    assert sidecar.call("shutdown", {"graceMs": 0}) == {}
    assert {outcome(sidecar, number) for number in range(256) if number != 100} == {"shuttingDown"}
    assert sidecar.end() == 0


def test_the_number_in_flight_can_be_set(start: Start) -> None:
    sidecar = start()
    never_answer(sidecar, limits={"maxInFlight": 2})
    for number in range(5):
        chat(sidecar, number)
    assert [outcome(sidecar, number) for number in (2, 3, 4)] == ["overloaded"] * 3
    for number in range(5):
        cancel(sidecar, number)
    assert [outcome(sidecar, number) for number in (0, 1)] == ["cancelled"] * 2
    sidecar.assert_alive()
    assert set(sidecar.answers.values()) == {1}


# Cancel


def test_a_cancelled_request_has_one_answer_however_often_it_is_cancelled(start: Start) -> None:
    sidecar = start()
    never_answer(sidecar)
    for number, spelling in zip(range(200), cycle(CANCELS), strict=False):
        if number % 4 == 1:
            cancel(sidecar, number, spelling)  # too early: nobody is meant
        chat(sidecar, number)
        cancel(sidecar, number, spelling)
        if number % 4 == 2:
            cancel(sidecar, number, CANCELS[0])
    sidecar.wait_until(lambda: len(sidecar.answers) == 201)
    for number, spelling in zip(range(0, 200, 4), cycle(CANCELS), strict=False):
        cancel(sidecar, number, spelling)  # too late
    expect_one_answer_each(sidecar, range(200))
    assert {outcome(sidecar, number) for number in range(200)} == {"cancelled"}


def test_a_cancel_that_races_the_answer_leaves_one_answer(start: Start) -> None:
    sidecar = start()
    for number in range(600):
        chat(sidecar, number, "some words to stream " * (number % 7))
        if number % 3:
            cancel(sidecar, number - number % 3)
    expect_one_answer_each(sidecar, range(600))
    assert {outcome(sidecar, number) for number in range(600)} <= {"ok", "cancelled", "overloaded"}
    answered = set()
    for message in sidecar.messages:
        if "method" in message:
            assert message["params"]["requestId"] not in answered
        else:
            answered.add(message["id"])


@pytest.mark.parametrize("request_id", [True, 1.0, "1", [1], {"id": 1}, None])
def test_a_cancel_of_another_id_is_not_taken_for_this_one(start: Start, request_id: Any) -> None:
    sidecar = start()
    never_answer(sidecar)
    chat(sidecar, 1)
    for spelling in CANCELS:
        cancel(sidecar, request_id, spelling)
    assert sidecar.call("ping") == {}  # a cancel takes effect after the lines that came with it
    assert sidecar.call("health/check")["inFlight"] == 2
    cancel(sidecar, 1)
    expect_one_answer_each(sidecar, [1])


# Taking turns


def turns(sidecar: Sidecar, *request_ids: Any) -> list[tuple[Any, str]]:
    """Who began and who ended, in the order in which it happened."""
    told = [message["params"] for message in sidecar.messages if message.get("method") == "stream/token"]
    return [(params["requestId"], params["token"][:5]) for params in told if params["requestId"] in request_ids]


@pytest.mark.source
def test_requests_with_one_key_run_in_the_order_they_came(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    for number in range(60):
        sidecar.request(number, "test/turn", {"key": str(number % 3), "seconds": 0.001 * (number % 4)})
    expect_one_answer_each(sidecar, range(60))
    for key in range(3):
        mine = range(key, 60, 3)
        assert turns(sidecar, *mine) == [
            step for number in mine for step in ((number, "begin"), (number, "end " + str(key)))
        ]


@pytest.mark.source
def test_a_cancelled_one_loses_its_turn_and_holds_nobody_up(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    sidecar.request("first", "test/turn", {"key": "a", "seconds": 60})
    for name in ("second", "third", "fourth"):
        sidecar.request(name, "test/turn", {"key": "a"})
    cancel(sidecar, "third")
    assert outcome(sidecar, "third") == "cancelled"
    assert sidecar.call("test/turn", {"key": "b"}, request_id="other") == {"text": "b"}  # another key need not wait
    assert turns(sidecar, "first", "second", "third", "fourth") == [("first", "begin")]
    cancel(sidecar, "first")
    expect_one_answer_each(sidecar, ["first", "second", "third", "fourth"])
    assert [name for name, step in turns(sidecar, "second", "third", "fourth") if step == "begin"] == [
        "second",
        "fourth",
    ]


# A slow host


def test_a_host_that_stops_reading_gets_every_token_later_in_fewer_messages(start: Start) -> None:
    sidecar = start()
    chat(sidecar, "warm up")
    assert outcome(sidecar, "warm up") == "ok"
    text = " ".join(str(number % 1000) for number in range(100_000))
    with Growth(sidecar) as growth:
        sidecar.rest_seconds = 5
        chat(sidecar, "long", text)
        sidecar.wait_until(lambda: sidecar.notifications("long"))
        sidecar.rest_seconds = 0  # after these five seconds
        result = sidecar.response("long")["result"]
    told = [message["params"] for message in sidecar.notifications("long")]
    tokens = [params for params in told if "token" in params]
    assert result["content"].endswith(text)
    assert "".join(params["token"] for params in tokens) == result["content"]
    assert [params["seq"] for params in told] == list(range(len(told)))
    assert [params["tokenIndex"] for params in tokens] == sorted({params["tokenIndex"] for params in tokens})
    assert result["usage"]["completionTokens"] > 100_000 > 2 * len(tokens)
    assert growth.bytes <= 10 * MB


def test_a_host_that_reads_slowly_can_ping_and_cancel(start: Start) -> None:
    sidecar = start()
    text = "word " * 1_000_000
    sidecar.rest_seconds = 0.002
    chat(sidecar, "long", text)
    sidecar.wait_until(lambda: sidecar.notifications("long"))
    assert sidecar.call("ping") == {}
    sidecar.assert_alive()
    cancel(sidecar, "long")
    error = sidecar.response("long")["error"]
    assert error["data"]["kind"] == "cancelled"
    tokens = [message["params"]["token"] for message in sidecar.notifications("long", "stream/token")]
    assert "".join(tokens) == error["data"]["partial"]
    assert len(error["data"]["partial"]) < len(text)
    assert sidecar.answers['"long"'] == 1


@pytest.mark.source
def test_a_host_that_only_writes_is_not_read_from_beyond_a_bound(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    assert sidecar.call("ping") == {}

    def write() -> None:
        for number in range(3000):  # answers of 750 MB
            sidecar.request(number, "test/big", {"text": "250000"})

    writer = threading.Thread(target=write, daemon=True)
    with Growth(sidecar) as growth:
        sidecar.rest_seconds = 4
        writer.start()
        sidecar.wait_until(lambda: sidecar.answers["0"])
        sidecar.rest_seconds = 0  # after these four seconds
        writer.join(3)
        assert writer.is_alive(), "it reads on and on"
        expect_one_answer_each(sidecar, range(3000), seconds=60)
    writer.join()
    assert growth.bytes <= 64 * MIB + 40 * MB


def test_512_mb_without_a_newline_are_not_kept(start: Start) -> None:
    sidecar = start()
    assert sidecar.call("ping") == {}
    with Growth(sidecar) as growth:
        sidecar.write(b'{"jsonrpc":"2.0","id":"endless","method":"ping","params":{"text":"')
        for _ in range(512):
            sidecar.write(b"x" * MB)
        sidecar.write(b'"}}\n')
        assert outcome(sidecar, "endless") == "messageTooLarge"
    assert growth.bytes <= 40 * MB
    sidecar.assert_alive()


def test_the_id_of_a_long_broken_line_is_not_looked_for_in_all_of_it(start: Start) -> None:
    sidecar = start()
    assert sidecar.call("ping") == {}
    with Growth(sidecar) as growth:
        sidecar.write(b"{" + b'"method":"",' * (30 * MB // 12) + b"\n")
        assert outcome(sidecar, None) == "parseError"
    assert growth.bytes <= 250 * MB  # the line, and what a parser makes of it
    sidecar.assert_alive()
