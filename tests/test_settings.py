"""`settings/get` and `settings/update`: what is merged, what is refused, what is never shown."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sidecar import Sidecar, question

KEY = "canary-key-000111222"


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    return start()


def test_get_shows_the_defaults(sidecar: Sidecar) -> None:
    settings = sidecar.call("settings/get")
    assert settings["logLevel"] == "info"
    assert settings["limits"] == {
        "maxInFlight": 256,
        "maxLineBytes": 32 * 1024 * 1024,
        "maxProviderConcurrency": 32,
        "maxAttempts": 3,
        "firstTokenTimeoutMs": 300_000,
        "idleTimeoutMs": 120_000,
        "totalTimeoutMs": 3_600_000,
    }
    assert settings["cache"] == {"mode": "use", "ttlSeconds": 3600, "maxBytes": 256 * 1024 * 1024, "url": None}
    assert (settings["budget"], settings["network"]) == ({"maxCostUsd": None}, {"proxy": None, "caFile": None})
    assert settings["offline"] == {"firstTokenDelayMs": 0, "tokenDelayMs": 0, "fault": None, "faultAfterTokens": 0}
    assert settings["config"]["apiKey"] == "unset"


def test_an_update_is_merged_and_answered_with_the_whole(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"config": {"temperature": 0.5}, "offline": {"tokenDelayMs": 1}})
    settings = sidecar.call("settings/update", {"config": {"maxTokens": 7}})
    assert (settings["config"]["temperature"], settings["config"]["maxTokens"]) == (0.5, 7)
    assert settings["offline"]["tokenDelayMs"] == 1
    assert sidecar.call("settings/get") == settings


def test_null_takes_a_setting_back_to_its_default(sidecar: Sidecar) -> None:
    defaults = sidecar.call("settings/get")
    sidecar.call("settings/update", {"limits": {"maxInFlight": 3}, "config": {"model": "m"}, "logLevel": "error"})
    patch = {"limits": {"maxInFlight": None}, "config": None, "logLevel": None}
    assert sidecar.call("settings/update", patch) == defaults


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"config": {"temperature": 3}}, "config.temperature"),
        ({"limits": {"maxInFlight": 0}}, "limits.maxInFlight"),
        ({"limits": {"maxInFlight": "many"}}, "limits.maxInFlight"),
        ({"offline": {"tokenDelayMs": -1}}, "offline.tokenDelayMs"),
        ({"logLevel": "loud"}, "logLevel"),
        ({"colour": "red"}, "colour"),
        ({"config": {"colour": "red"}}, "config.colour"),
        ({"config": {"fallback": [{"provider": "acme"}]}}, "config.fallback[0].provider"),
    ],
)
def test_an_invalid_update_changes_nothing(sidecar: Sidecar, patch: dict[str, Any], path: str) -> None:
    before = sidecar.call("settings/get")
    error = sidecar.call("settings/update", {"methods": {"disabled": ["ping"]}, **patch})
    assert error["data"]["kind"] == "invalidParams"
    assert [detail["path"] for detail in error["data"]["errors"]] == [path]
    assert sidecar.call("settings/get") == before
    assert sidecar.call("ping") == {}


def test_secrets_are_shown_as_set(sidecar: Sidecar) -> None:
    config = {"apiKey": KEY, "headers": {"X-Gateway": KEY}, "fallback": [{"provider": "openai", "apiKey": KEY}]}
    sidecar.call("settings/update", {"config": config})
    shown = sidecar.call("settings/get")["config"]
    assert (shown["apiKey"], shown["headers"]) == ("set", {"X-Gateway": "set"})
    assert (shown["fallback"][0]["apiKey"], shown["fallback"][0]["headers"]) == ("set", None)
    assert KEY.encode() not in b"".join(sidecar.raw)


def test_a_secret_can_be_taken_back(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"config": {"apiKey": KEY}})
    assert sidecar.call("settings/update", {"config": {"apiKey": None}})["config"]["apiKey"] == "unset"


def test_a_disabled_method_is_not_found_until_it_is_enabled_again(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"methods": {"disabled": ["chat/complete"]}})
    error = sidecar.call("chat/complete", question())
    assert (error["code"], error["data"]["kind"]) == (-32601, "methodNotFound")
    assert "chat/complete" not in sidecar.initialize()["capabilities"]["methods"]
    sidecar.call("settings/update", {"methods": None})
    assert sidecar.call("chat/complete", question())["finishReason"] == "stop"


def test_the_limit_of_requests_in_flight_can_be_changed(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"limits": {"maxInFlight": 1}, "offline": {"firstTokenDelayMs": 60_000}})
    sidecar.request("slow", "chat/complete", question())
    error = sidecar.call("chat/complete", question())
    assert (error["data"]["kind"], error["data"]["retryAfterMs"] > 0) == ("overloaded", True)
    sidecar.call("settings/update", {"limits": None, "offline": None})
    assert sidecar.call("chat/complete", question())["finishReason"] == "stop"


def test_the_log_level_can_be_changed(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"logLevel": "error"})
    sidecar.call("nothing/here")
    sidecar.call("settings/update", {"logLevel": "debug"})
    last = sidecar.call("nothing/there")
    sidecar.wait_for_log(last["data"]["errorId"])
    refused = [record for record in sidecar.records() if record["message"] == "message refused"]
    assert [record["errorId"] for record in refused] == [last["data"]["errorId"]]


def test_the_environment_is_the_layer_below(start: Callable[..., Sidecar]) -> None:
    env = {"CKSERVICE_TEMPERATURE": "0.25", "LLM_MAX_TOKENS": "2", "CKSERVICE_MAX_TOKENS": "", "LOG_LEVEL": "warn"}
    sidecar = start(env=env)
    settings = sidecar.call("settings/get")
    assert (settings["config"]["temperature"], settings["config"]["maxTokens"]) == (0.25, 2)
    assert settings["logLevel"] == "warning"
    assert sidecar.call("chat/complete", question())["content"] == "No model"
    sidecar.initialize(settings={"config": {"maxTokens": 3}})
    assert sidecar.call("chat/complete", question())["content"] == "No model is"
