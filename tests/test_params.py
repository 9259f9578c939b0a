"""Parameters that do not fit are refused; the answer says what and where, and never repeats a value."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]

CANARY = "kanarienvogel"


def test_an_unknown_parameter_is_named_and_one_like_it_suggested(start: Start) -> None:
    sidecar = start()
    message = {"role": "user", "content": CANARY}
    error = sidecar.call("chat/complete", {"messages": [message], "temprature": CANARY, "qqq": CANARY})
    assert error["data"]["errors"] == [
        {"path": "temprature", "message": "is not a known parameter; did you mean temperature?"},
        {"path": "qqq", "message": "is not a known parameter"},
    ]
    assert "temprature" in error["message"]
    assert CANARY.encode() not in b"".join(sidecar.raw)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [CANARY]}, "messages[0]"),
        ({"messages": [{"role": CANARY, "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": "x", "unknown": CANARY}]}, "messages[0].unknown"),
        ({"messages": [{"role": "user", "content": "x"}], "temperature": CANARY}, "temperature"),
        ({"messages": [{"role": "user", "content": "x"}], "maxTokens": 1.5}, "maxTokens"),
        ({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}, "max_tokens"),
        ({"messages": [{"role": "user", "content": "x"}], "stream": CANARY}, "stream"),
        ({"messages": [{"role": "user", "content": "x"}], "config": {"provider": CANARY}}, "config.provider"),
        ({"messages": [{"role": "user", "content": "x"}], "_meta": {"timeoutMs": CANARY}}, "_meta.timeoutMs"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(start: Start, params: Any, path: str) -> None:
    sidecar = start()
    error = sidecar.call("chat/complete", params)
    assert error["data"]["kind"] == "invalidParams"
    assert [detail["path"] for detail in error["data"]["errors"]] == [path]
    sidecar.assert_alive()
    sidecar.wait_for_log(error["data"]["errorId"])
    assert CANARY not in b"".join(sidecar.raw).decode() + "".join(sidecar.log)


def test_mistakes_beyond_counting_are_summed_up(start: Start) -> None:
    sidecar = start()
    error = sidecar.call("chat/complete", {"messages": [0] * 200_000})
    assert error["data"]["kind"] == "invalidParams"
    assert len(error["data"]["errors"]) <= 100
    assert len(sidecar.raw[0]) < 100_000
    sidecar.assert_alive()
