"""The wire, line by line: what counts as a message, and what a line that is none is answered with."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]

MIB = 1024 * 1024
CANARY = "kanarienvogel"

CODES = {
    "parseError": -32700,
    "invalidRequest": -32600,
    "messageTooLarge": -32600,
    "methodNotFound": -32601,
    "invalidParams": -32602,
}


def line(**members: Any) -> bytes:
    """A request with the canary in it; `members` replace its own, and `...` leaves one out."""
    message = {"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"text": CANARY}, **members}
    return json.dumps({name: value for name, value in message.items() if value is not ...}).encode()


def with_text(text: bytes) -> bytes:
    """A request that would be valid JSON but for a text in it."""
    return b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"text":"' + CANARY.encode() + text + b'"}}'


def with_value(value: bytes) -> bytes:
    return line(params=[CANARY, "value"]).replace(b'"value"', value)


def padded(size: int, request_id: int) -> bytes:
    """A `ping` of an exact length, without its newline."""
    request = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % request_id
    return request[:-1] + b" " * (size - len(request)) + b"}"


def assert_error(response: Any, kind: str) -> None:
    """Every error is whole: code, kind, retryable, a sentence for people, an id to find it in the log."""
    assert response.keys() == {"jsonrpc", "id", "error"}
    error, data = response["error"], response["error"]["data"]
    assert (data["kind"], error["code"]) == (kind, CODES[kind])
    assert data["retryable"] is False
    assert error["message"]
    assert data["userMessage"].endswith(".")
    assert data["errorId"]


def everything_told(sidecar: Sidecar) -> str:
    """All that was written to stdout and stderr until the process has ended."""
    assert sidecar.end() == 0
    sidecar.wait_for_output_end()
    return b"".join(sidecar.raw).decode() + "".join(sidecar.log)


def say(sidecar: Sidecar, text: str) -> str:
    """Have the offline provider quote a text."""
    result = sidecar.call("chat/complete", {"messages": [{"role": "user", "content": text}], "stream": False})
    return str(result["content"])


# What is a message


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(line(params=...) + b"\n", id="line feed"),
        pytest.param(line(params=...) + b"\r\n", id="carriage return and line feed"),
        pytest.param(b"\xef\xbb\xbf" + line(params=...) + b"\n", id="byte order mark at the start"),
        pytest.param(b"\n\r\n   \n\t\n" + line(params=...) + b"\n\n", id="blank lines around it"),
        pytest.param(b"\xef\xbb\xbf\r\n" + line(params=...) + b"\n", id="byte order mark on a blank line"),
        pytest.param(b" \t" + line(params=...) + b" \n", id="space around it"),
        pytest.param(line(params=..., more=CANARY) + b"\n", id="member that JSON-RPC does not know"),
    ],
)
def test_a_message_is_a_line(start: Start, data: bytes) -> None:
    sidecar = start()
    sidecar.write(data)
    sidecar.assert_alive()
    assert sidecar.messages[0] == {"jsonrpc": "2.0", "id": 7, "result": {}}


def test_a_last_line_needs_no_newline(start: Start) -> None:
    sidecar = start()
    sidecar.write(line(params=...))
    assert sidecar.end() == 0
    sidecar.wait_for_output_end()
    assert sidecar.messages == [{"jsonrpc": "2.0", "id": 7, "result": {}}]


@pytest.mark.parametrize("request_id", [0, -1, 2**53 - 1, 1 - 2**53, "1", "x" * 256, "\U0001f600", "a\0b", " "])
def test_an_id_comes_back_as_it_was(start: Start, request_id: Any) -> None:
    assert start().call("ping", request_id=request_id) == {}


def test_many_messages_in_one_write_are_answered_in_order(start: Start) -> None:
    sidecar = start()
    sidecar.write(b"".join(line(id=number, params=...) + b"\r\n" * (number % 2) + b"\n" for number in range(500)))
    sidecar.response(499)
    assert [message["id"] for message in sidecar.messages] == list(range(500))


def test_a_message_may_be_cut_at_every_byte(start: Start) -> None:
    sidecar = start()
    text = "é, 😀, \u2028 and ﷽"
    message = json.dumps(
        {"jsonrpc": "2.0", "id": 7, "method": "chat/complete", "params": {"messages": [{"role": "user"}]}},
        ensure_ascii=False,
    ).encode()
    message = message.replace(b'"user"', b'"user", "content": "%b"' % text.encode()) + b"\n"
    for cut in range(1, len(message)):
        data = message.replace(b'"id": 7', b'"id": %d' % (100 + cut))
        sidecar.write(data[:cut])
        sidecar.write(data[cut:])
    sidecar.wait_until(lambda: sidecar.answers.total() == len(message) - 1)
    assert set(sidecar.answers.values()) == {1}
    answers = [message["result"] for message in sidecar.messages if "result" in message]
    assert all(answer["content"].endswith(text) for answer in answers)


def test_output_is_ascii_and_one_message_a_line(start: Start) -> None:
    sidecar = start()
    text = "caf\u00e9 \U0001f600 \u2028\u2029\u0085\r\n\0\x7f \ufeff\uffff"
    assert say(sidecar, text).endswith(text)
    streamed = sidecar.call("chat/complete", {"messages": [{"role": "user", "content": text}]}, request_id="streamed")
    assert streamed["content"].endswith(text)
    tokens = sidecar.notifications("streamed", "stream/token")
    assert "".join(token["params"]["token"] for token in tokens) == streamed["content"]
    sidecar.end()
    sidecar.wait_for_output_end()
    assert all(raw.isascii() and raw.count(b"\n") == 1 and b"\r" not in raw for raw in sidecar.raw)


@pytest.mark.source
def test_a_lone_surrogate_in_a_result_is_replaced(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    assert sidecar.call("test/surrogate") == {"text": "lone ? surrogate, caf\u00e9, \U0001f600, \u2028"}
    assert sidecar.raw[0].isascii()


@pytest.mark.skipif(os.name == "nt", reason="the environment of Windows is Unicode")
def test_an_environment_that_is_not_unicode_can_be_shown(start: Start) -> None:
    sidecar = start(env={"CKSERVICE_MODEL": os.fsdecode(b"mod\xe8le")})
    assert sidecar.call("settings/update", {"config": {"apiKey": CANARY}})["config"]["apiKey"] == "set"
    assert sidecar.call("settings/get")["config"]["model"] == "mod?le"
    sidecar.assert_alive()


# What is none


@pytest.mark.parametrize(
    ("data", "request_id", "kind"),
    [
        pytest.param(CANARY.encode(), None, "parseError", id="not JSON"),
        pytest.param(line()[:-2], 7, "parseError", id="cut short"),
        pytest.param(line() + b" " + line(), 7, "parseError", id="two messages on a line"),
        pytest.param(b"\xef\xbb\xbf" + line(), None, "parseError", id="byte order mark in the middle"),
        pytest.param(with_text(b"\xff"), 7, "parseError", id="not UTF-8"),
        pytest.param(with_text(b"\xc0\xaf"), 7, "parseError", id="overlong UTF-8"),
        pytest.param(with_text(b"\xed\xa0\x80"), 7, "parseError", id="surrogate in UTF-8"),
        pytest.param(with_text(b"\\ud800"), 7, "parseError", id="lone surrogate escape"),
        pytest.param(with_text(b"\0"), 7, "parseError", id="NUL in a string"),
        pytest.param(b"\0" + line(), None, "parseError", id="NUL in front"),
        pytest.param(with_text(b"\t"), 7, "parseError", id="control character in a string"),
        pytest.param(with_value(b"NaN"), 7, "parseError", id="NaN"),
        pytest.param(with_value(b"Infinity"), 7, "parseError", id="Infinity"),
        pytest.param(with_value(b"-Infinity"), 7, "parseError", id="-Infinity"),
        pytest.param(with_value(b"[" * 10_000 + b"]" * 10_000), 7, "parseError", id="10,000 arrays deep"),
        pytest.param(with_value(b'{"":' * 10_000 + b"1" + b"}" * 10_000), 7, "parseError", id="10,000 objects deep"),
        pytest.param(line().replace(b'": 7', b'": 07'), None, "parseError", id="id with a leading zero"),
        pytest.param(b'{"id":"seven","method":' + CANARY.encode(), "seven", "parseError", id="id in front, text"),
        pytest.param(b'{"method":"ping","id":7,' + CANARY.encode(), 7, "parseError", id="id after the method"),
        pytest.param(b'{"params":{"id":7},' + CANARY.encode(), None, "parseError", id="id of something else"),
        pytest.param(b'{"params":1,"id":7,' + CANARY.encode(), None, "parseError", id="id further in"),
        pytest.param(b'{"id":"\\u0037",' + CANARY.encode(), None, "parseError", id="escaped id"),
        pytest.param(b'{"id":7' + b"1" * 20 + b"," + CANARY.encode(), None, "parseError", id="broken line, huge id"),
        pytest.param(b'{"id":"\xff",' + CANARY.encode(), None, "parseError", id="id that is not UTF-8"),
        pytest.param(json.dumps(CANARY).encode(), None, "invalidRequest", id="a string"),
        pytest.param(b"42", None, "invalidRequest", id="a number"),
        pytest.param(b"null", None, "invalidRequest", id="null"),
        pytest.param(line(jsonrpc=...), 7, "invalidRequest", id="no version"),
        pytest.param(line(jsonrpc="1.0"), 7, "invalidRequest", id="another version"),
        pytest.param(line(jsonrpc=2.0), 7, "invalidRequest", id="version as a number"),
        pytest.param(line(id=..., jsonrpc=CANARY), None, "invalidRequest", id="no version, no id"),
        pytest.param(line(method=...), 7, "invalidRequest", id="no method"),
        pytest.param(line(method=[CANARY]), 7, "invalidRequest", id="method that is no text"),
        pytest.param(line(id=None), None, "invalidRequest", id="id null"),
        pytest.param(line(id=7.0), None, "invalidRequest", id="id with a fraction"),
        pytest.param(line(id=True), None, "invalidRequest", id="id true"),
        pytest.param(line(id=""), None, "invalidRequest", id="empty id"),
        pytest.param(line(id="x" * 257), None, "invalidRequest", id="id of 257 characters"),
        pytest.param(line(id=2**53), None, "invalidRequest", id="id 2^53"),
        pytest.param(line(id=-(2**53)), None, "invalidRequest", id="id -2^53"),
        pytest.param(line(id=10**30), None, "invalidRequest", id="id 10^30"),
        pytest.param(line(id={CANARY: 7}), None, "invalidRequest", id="id that is an object"),
        pytest.param(line(params=[CANARY]), 7, "invalidParams", id="params by position"),
        pytest.param(line(params=CANARY), 7, "invalidParams", id="params that are a text"),
        pytest.param(line(params=None), 7, "invalidParams", id="params null"),
        pytest.param(line(method=CANARY), 7, "methodNotFound", id="unknown method"),
        pytest.param(line(method="exit"), 7, "methodNotFound", id="notification sent as a request"),
    ],
)
def test_a_bad_line_gets_one_error_that_does_not_repeat_it(
    start: Start, data: bytes, request_id: Any, kind: str
) -> None:
    sidecar = start()
    sidecar.write(b"\n" + data + b"\n")
    sidecar.assert_alive()
    assert_error(sidecar.messages[0], kind)
    assert sidecar.messages[0]["id"] == request_id
    assert len(sidecar.messages) == 2
    sidecar.wait_for_log(sidecar.messages[0]["error"]["data"]["errorId"])
    assert CANARY not in everything_told(sidecar)


def test_a_first_line_too_deep_for_the_handshake_is_answered(start: Start) -> None:
    sidecar = start()
    sidecar.write(line(method="initialize", params=0).replace(b"0}", b"[" * 20_000 + b"]" * 20_000 + b"}") + b"\n")
    assert_error(sidecar.response(7), "parseError")
    sidecar.assert_alive()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(line(method="unknown/thing", id=...), id="unknown notification"),
        pytest.param(line(method="ping", id=..., params=[1]), id="request sent as a notification"),
        pytest.param(
            line(method="$/cancelRequest", id=..., params={"id": "nobody"}), id="cancel of an unknown request"
        ),
        pytest.param(line(method="$/cancelRequest", id=..., params=["nobody"]), id="cancel by position"),
        pytest.param(line(method="$/cancelRequest", id=..., params={"id": [7]}), id="cancel of no id"),
        pytest.param(line(method=..., result={}), id="response to an unknown id"),
        pytest.param(line(method=..., id="ckservice-1", error={"code": 1, "message": ""}), id="error to an unknown id"),
    ],
)
def test_what_asks_for_no_answer_gets_none(start: Start, data: bytes) -> None:
    sidecar = start()
    sidecar.write(data + b"\n")
    sidecar.assert_alive()
    assert len(sidecar.messages) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(line()[:-1], id="not JSON"),
        pytest.param(line(jsonrpc="1.0"), id="another version"),
        pytest.param(line(params=[]), id="params by position"),
        pytest.param(line(method=...), id="no method"),
        pytest.param(padded(33 * MIB, 7), id="too long"),
    ],
)
def test_a_bad_line_does_not_take_the_answer_of_a_request_in_flight(start: Start, data: bytes) -> None:
    sidecar = start()
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 600_000}})
    sidecar.request(7, "chat/complete", {"messages": [{"role": "user", "content": "x"}]})
    sidecar.write(data + b"\n")
    assert "error" in sidecar.response(None)
    sidecar.notify("$/cancelRequest", {"id": 7})
    assert sidecar.response(7)["error"]["data"]["kind"] == "cancelled"
    sidecar.assert_alive()
    assert (sidecar.answers["7"], sidecar.answers["null"]) == (1, 1)


# Size


def test_a_line_may_be_32_mib_long_and_not_a_byte_longer(start: Start) -> None:
    sidecar = start()
    for number, size in enumerate([32 * MIB, 32 * MIB + 1, 32 * MIB, 33 * MIB]):
        sidecar.write(padded(size, number) + b"\n")
    sidecar.assert_alive()
    assert [message["id"] for message in sidecar.messages[:4]] == [0, 1, 2, 3]
    assert ["result" in message for message in sidecar.messages[:4]] == [True, False, True, False]
    assert_error(sidecar.messages[1], "messageTooLarge")
    assert_error(sidecar.messages[3], "messageTooLarge")


def test_a_line_that_is_too_long_is_not_repeated(start: Start) -> None:
    sidecar = start()
    sidecar.write(line(id="long", params={"text": CANARY * (33 * MIB // len(CANARY))}) + b"\n")
    assert_error(sidecar.response("long"), "messageTooLarge")
    sidecar.assert_alive()
    assert CANARY not in everything_told(sidecar)


def test_the_length_of_a_line_can_be_set(start: Start) -> None:
    sidecar = start()
    sidecar.call("settings/update", {"limits": {"maxLineBytes": 2048}})
    sidecar.write(padded(2048, 1) + b"\n" + padded(2049, 2) + b"\n")
    assert sidecar.response(1)["result"] == {}
    assert_error(sidecar.response(2), "messageTooLarge")
    sidecar.call("settings/update", {"limits": None})
    sidecar.write(padded(MIB, 3) + b"\n")
    assert sidecar.response(3)["result"] == {}


def test_an_answer_over_8_mib_becomes_an_error(start: Start) -> None:
    sidecar = start()
    assert len(say(sidecar, "x" * 7 * MIB)) > 7 * MIB
    message = {"role": "user", "content": "é" * (8 * MIB // 6)}  # each becomes \\u00e9
    sidecar.request("big", "chat/complete", {"messages": [message], "stream": False})
    assert_error(sidecar.response("big"), "messageTooLarge")
    sidecar.assert_alive()
    assert max(map(len, sidecar.raw)) <= 8 * MIB
