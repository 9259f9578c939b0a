"""JSON-RPC batches: many messages in one array, answered with one array."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]

PING = {"jsonrpc": "2.0", "method": "ping"}
MAX_OUTPUT_BYTES = 8 * 1024 * 1024


def ping(request_id: Any) -> dict[str, Any]:
    return {**PING, "id": request_id}


def chat(request_id: Any, text: str = "x", **params: Any) -> dict[str, Any]:
    params = {"messages": [{"role": "user", "content": text}], **params}
    return {"jsonrpc": "2.0", "id": request_id, "method": "chat/complete", "params": params}


def kind(response: Any) -> str | None:
    """The kind of an error, `None` for a result."""
    return str(response["error"]["data"]["kind"]) if "error" in response else None


def answer(sidecar: Sidecar, batch: list[Any]) -> list[Any]:
    """Send a batch and wait for the array that answers it."""
    sidecar.send(batch)
    return list(sidecar.wait_for(lambda message: isinstance(message, list)))


def test_a_batch_is_answered_with_one_array(start: Start) -> None:
    sidecar = start()
    responses = answer(
        sidecar, [ping(1), PING, ping("1"), {**ping(2), "method": "no/method"}, {"jsonrpc": "2.0", "method": "nobody"}]
    )
    assert sorted((str(response["id"]), kind(response)) for response in responses[:2]) == [("1", None), ("1", None)]
    assert [kind(response) for response in responses] == [None, None, "methodNotFound"]
    sidecar.assert_alive()
    assert len(sidecar.messages) == 2


def test_a_batch_of_one_is_a_batch(start: Start) -> None:
    assert answer(start(), [ping(1)]) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


def test_each_invalid_member_is_answered_in_its_place(start: Start) -> None:
    sidecar = start()
    responses = answer(sidecar, [1, {"foo": "boo"}, ping(1), [], None, {**ping(2), "params": []}, ping(None)])
    assert [(response["id"], kind(response)) for response in responses] == [
        (None, "invalidRequest"),
        (None, "invalidRequest"),
        (1, None),
        (None, "invalidRequest"),
        (None, "invalidRequest"),
        (2, "invalidParams"),
        (None, "invalidRequest"),
    ]
    sidecar.assert_alive()


def test_a_nested_batch_is_an_invalid_member(start: Start) -> None:
    sidecar = start()
    responses = answer(sidecar, [[ping(1)], ping(2)])
    assert [(response["id"], kind(response)) for response in responses] == [(None, "invalidRequest"), (2, None)]
    sidecar.assert_alive()
    assert sidecar.answers["1"] == 0


@pytest.mark.parametrize(("data", "expected"), [(b"[]", "invalidRequest"), (b"[1,", "parseError")])
def test_what_is_no_batch_is_answered_with_one_error(start: Start, data: bytes, expected: str) -> None:
    sidecar = start()
    sidecar.write(data + b"\n")
    response = sidecar.response(None)
    assert kind(response) == expected
    sidecar.assert_alive()


def test_a_batch_that_asks_nothing_is_not_answered(start: Start) -> None:
    sidecar = start()
    sidecar.send([PING, {"jsonrpc": "2.0", "id": "nobody", "result": {}}])
    sidecar.assert_alive()
    assert len(sidecar.messages) == 1


def test_an_id_may_not_be_used_twice_at_a_time(start: Start) -> None:
    sidecar = start()
    responses = answer(sidecar, [chat(1), chat(1), ping(2), ping(2)])
    assert sorted((response["id"], kind(response) or "") for response in responses) == [
        (1, ""),
        (1, "duplicateId"),
        (2, ""),  # this one was answered before the next came
        (2, ""),
    ]
    sidecar.assert_alive()


def test_a_batch_may_have_4096_members(start: Start) -> None:
    sidecar = start()
    responses = answer(sidecar, [ping(number) for number in range(4096)])
    assert [response["id"] for response in responses] == list(range(4096))
    sidecar.assert_alive()


def test_a_longer_batch_is_refused_as_a_whole(start: Start) -> None:
    sidecar = start()
    sidecar.send([ping(number) for number in range(4097)])
    assert kind(sidecar.response(None)) == "messageTooLarge"
    sidecar.assert_alive()
    assert len(sidecar.messages) == 2


@pytest.mark.parametrize("wrong", [{"messages": [0] * 100}, {"\U0001f600" * 300: 0}])
def test_the_errors_of_a_batch_fit_one_message(start: Start, wrong: Any) -> None:
    sidecar = start()
    responses = answer(sidecar, [{**chat(number), "params": wrong} for number in range(4096)])
    assert [kind(response) for response in responses] == ["invalidParams"] * 4096
    assert len(sidecar.raw[0]) <= MAX_OUTPUT_BYTES
    assert responses[0]["error"]["data"]["errors"]
    sidecar.assert_alive()


def test_the_results_of_a_batch_fit_one_message(start: Start) -> None:
    sidecar = start()
    text = "x" * 1024 * 1024
    responses = answer(sidecar, [chat(number, text, stream=False) for number in range(12)])
    kinds = [kind(response) for response in responses]
    assert set(kinds) == {None, "messageTooLarge"}
    assert kinds.count(None) >= 6
    assert sorted(response["id"] for response in responses) == list(range(12))
    assert len(sidecar.raw[0]) <= MAX_OUTPUT_BYTES
    sidecar.assert_alive()


def test_what_a_batch_streams_comes_before_its_array(start: Start) -> None:
    sidecar = start()
    responses = answer(sidecar, [chat("one", "first text"), ping(0), chat("two", "second text")])
    assert isinstance(sidecar.messages[-1], list)
    for response in responses[1:]:
        sent = sidecar.notifications(response["id"])
        assert [message["params"]["seq"] for message in sent] == list(range(len(sent)))
        tokens = sidecar.notifications(response["id"], "stream/token")
        assert "".join(message["params"]["token"] for message in tokens) == response["result"]["content"]
    sidecar.assert_alive()
    assert len(sidecar.notifications("one")) + len(sidecar.notifications("two")) == len(sidecar.messages) - 2


@pytest.mark.parametrize("inside", [True, False])
def test_one_member_of_a_batch_can_be_cancelled(start: Start, inside: bool) -> None:
    sidecar = start()
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 600_000}})
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "slow"}}
    sidecar.send([chat("slow"), ping("quick"), cancel] if inside else [chat("slow"), ping("quick")])
    if not inside:
        sidecar.send(cancel)
    responses = sidecar.wait_for(lambda message: isinstance(message, list))
    assert [(response["id"], kind(response)) for response in responses] == [("quick", None), ("slow", "cancelled")]
    sidecar.assert_alive()


def test_batches_in_flight_do_not_hold_each_other_up(start: Start) -> None:
    sidecar = start()
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 600_000}})
    sidecar.send([chat("slow"), ping("first")])
    sidecar.send([ping("second")])
    assert [response["id"] for response in sidecar.wait_for(lambda message: isinstance(message, list))] == ["second"]
    assert sidecar.call("health/check")["inFlight"] == 2  # the slow one, and the one that asks
    sidecar.notify("$/cancelRequest", {"id": "slow"})
    sidecar.wait_until(lambda: sidecar.answers['"slow"'] == 1)
    sidecar.assert_alive()
    assert set(sidecar.answers.values()) == {1}
