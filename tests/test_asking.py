"""Requests from the service to its host, asked by a method of the tests."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar

pytestmark = pytest.mark.source


@pytest.fixture
def sidecar(start_with_test_methods: Callable[..., Sidecar]) -> Sidecar:
    return start_with_test_methods()


def asked(sidecar: Sidecar, text: str) -> str:
    """Wait for the question with a text; its id."""
    question = sidecar.wait_for(
        lambda message: message.get("method") == "host/ask" and message["params"] == {"text": text}
    )
    assert isinstance(question["id"], str)
    return str(question["id"])


def answer(sidecar: Sidecar, question_id: Any, **members: Any) -> None:
    sidecar.send({"jsonrpc": "2.0", "id": question_id, **members})


def test_the_answer_of_the_host_reaches_the_one_who_asked(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    answer(sidecar, asked(sidecar, "name?"), result={"text": "Ada", "newer": True})
    assert sidecar.response(1)["result"] == {"text": "Ada"}
    sidecar.assert_alive()


def test_answers_find_their_questions_in_any_order(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "first?"})
    sidecar.request(2, "test/ask", {"text": "second?"})
    first, second = asked(sidecar, "first?"), asked(sidecar, "second?")
    assert first != second
    answer(sidecar, second, result={"text": "2"})
    assert sidecar.response(2)["result"] == {"text": "2"}
    answer(sidecar, first, result={"text": "1"})
    assert sidecar.response(1)["result"] == {"text": "1"}


def test_an_answer_may_come_in_a_batch(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    sidecar.send([{"jsonrpc": "2.0", "id": asked(sidecar, "name?"), "result": {"text": "Ada"}}])
    assert sidecar.response(1)["result"] == {"text": "Ada"}


def test_an_error_of_the_host_reaches_the_one_who_asked(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    answer(sidecar, asked(sidecar, "name?"), error={"code": -32001, "message": "no"})
    assert sidecar.response(1)["result"] == {"text": "the host answered -32001: no"}


@pytest.mark.parametrize("result", [{"text": 5}, {}, None, "Ada"])
def test_an_answer_of_another_shape_is_an_internal_error(sidecar: Sidecar, result: Any) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    answer(sidecar, asked(sidecar, "name?"), result=result)
    assert sidecar.response(1)["error"]["data"]["kind"] == "internal"
    sidecar.assert_alive()


def test_a_cancelled_request_takes_its_question_back(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    question_id = asked(sidecar, "name?")
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    assert sidecar.wait_for(lambda message: message.get("method") == "$/cancelRequest")["params"] == {"id": question_id}


def test_a_late_answer_is_ignored(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    question_id = asked(sidecar, "name?")
    sidecar.notify("$/cancelRequest", {"id": 1})
    sidecar.response(1)
    answer(sidecar, question_id, result={"text": "Ada"})
    answer(sidecar, "never-asked", error={"code": 1, "message": "what?"})
    sidecar.assert_alive()
    assert sum("id" in message and "method" not in message for message in sidecar.messages) == 2


def test_an_answered_question_is_not_taken_back(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    answer(sidecar, asked(sidecar, "name?"), result={"text": "Ada"})
    sidecar.response(1)
    sidecar.assert_alive()
    assert not [message for message in sidecar.messages if message.get("method") == "$/cancelRequest"]


def test_a_request_that_waits_for_the_host_is_answered_when_the_host_goes(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?"})
    asked(sidecar, "name?")
    sidecar.close_input()
    assert sidecar.response(1)["error"]["data"]["kind"] == "shuttingDown"
    assert sidecar.exit_code() == 0
    assert not [line for line in sidecar.log if "Traceback" in line]


def test_a_question_asked_after_the_host_has_gone_is_not_sent(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/turn", {"key": "k", "seconds": 0.3})
    sidecar.request(2, "test/askInTurn", {"key": "k"})
    sidecar.close_input()
    assert sidecar.response(2)["error"]["data"]["kind"] == "shuttingDown"
    assert not [message for message in sidecar.messages if message.get("method") == "host/ask"]
    assert sidecar.exit_code() == 0


def test_a_question_has_its_time_limit_from_the_request(sidecar: Sidecar) -> None:
    sidecar.request(1, "test/ask", {"text": "name?", "_meta": {"timeoutMs": 100}})
    question_id = asked(sidecar, "name?")
    assert sidecar.response(1)["error"]["data"]["kind"] == "deadlineExceeded"
    assert sidecar.wait_for(lambda message: message.get("method") == "$/cancelRequest")["params"] == {"id": question_id}
