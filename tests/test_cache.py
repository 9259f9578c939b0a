"""The response cache: when it is used, what is kept, what a hit looks like."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.caching import frozen, is_cached, opened
from tests.providers.ollama import answering, ask, cut_after, last, piece, sending
from tests.providers.server import Reply, Script, Server, closed_port
from tests.sidecar import Sidecar, question

HELLO = answering(piece(thinking="Hm"), piece(thinking=", well."), piece("Hel"), piece("lo"), piece(" ✓"), last())

Serve = Callable[[Script], Server]


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    return start()


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(HELLO)


@pytest.fixture
def file(environment: dict[str, str]) -> Path:
    return Path(environment["CKSERVICE_DATA_DIR"], "cache.sqlite3")


def told(sidecar: Sidecar, request_id: int, method: str) -> list[str]:
    return [message["params"]["token"] for message in sidecar.notifications(request_id, method)]


# A hit


def test_a_hit_is_the_stream_that_it_was(sidecar: Sidecar, server: Server) -> None:
    first, second = (sidecar.call("chat/complete", frozen(server), request_id) for request_id in (1, 2))
    assert len(server.requests) == 1
    assert (first["cached"], first["attempts"]) == (False, 1)
    assert (second["cached"], second["attempts"]) == (True, 0)
    same = ("content", "model", "provider", "finishReason", "toolCalls", "usage")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert told(sidecar, 1, "stream/token") == told(sidecar, 2, "stream/token") == ["Hel", "lo", " ✓"]
    assert told(sidecar, 1, "stream/reasoning") == told(sidecar, 2, "stream/reasoning") == ["Hm", ", well."]
    assert [message["params"]["seq"] for message in sidecar.notifications(2)] == list(range(6))
    metrics = sidecar.call("metrics/get")
    assert metrics["cache"] == {"hits": 1, "misses": 1}
    assert [model["requests"] for model in metrics["models"]] == [1]


def test_streamed_or_not_is_the_same_question(sidecar: Sidecar, server: Server) -> None:
    assert not is_cached(sidecar, frozen(server, stream=False))
    assert sidecar.call("chat/complete", frozen(server), 1)["cached"]
    assert told(sidecar, 1, "stream/token") == ["Hel", "lo", " ✓"]
    assert sidecar.call("chat/complete", frozen(server, stream=False), 2)["content"] == "Hello ✓"
    assert sidecar.notifications(2) == []


def test_an_answer_in_very_many_pieces_is_replayed_in_fewer(sidecar: Sidecar, serve: Serve) -> None:
    words = [f"word {number} " for number in range(3000)]
    server = serve(answering(*map(piece, words), last()))
    assert not is_cached(sidecar, frozen(server))
    assert sidecar.call("chat/complete", frozen(server), 1)["cached"]
    pieces = told(sidecar, 1, "stream/token")
    assert "".join(pieces) == "".join(words)
    assert 100 < len(pieces) <= 256


def test_a_hit_is_quick(sidecar: Sidecar, server: Server) -> None:
    is_cached(sidecar, frozen(server))

    def timed() -> float:
        before = time.perf_counter()
        assert is_cached(sidecar, frozen(server))
        return time.perf_counter() - before

    assert sorted(timed() for _ in range(50))[5] < 0.005  # the slow ones are those of a machine that is busy


def test_tool_calls_and_checked_output_are_kept(sidecar: Sidecar, serve: Serve) -> None:
    tool = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
    call = {"function": {"name": "look", "arguments": {"at": "ä", "deep": [1, 2.5, None, {"x": True}]}}}
    server = serve(answering(piece(tool_calls=[call]), last()))
    first, second = (sidecar.call("chat/complete", frozen(server, tools=[tool])) for _ in range(2))
    assert (first["toolCalls"], second["finishReason"]) == (second["toolCalls"], "toolCalls")
    assert (second["cached"], second["toolCalls"][0]["arguments"]) == (True, call["function"]["arguments"])
    server.script = answering(piece('{"n": '), piece("5}"), last())
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    first, second = (sidecar.call("chat/complete", frozen(server, responseFormat=form)) for _ in range(2))
    assert (first["parsed"], second["parsed"], second["cached"]) == ({"n": 5}, {"n": 5}, True)
    assert len(server.requests) == 2


# When it is used


def test_temperature_zero_or_the_request_says_whether_it_is_used(sidecar: Sidecar, server: Server) -> None:
    used = [
        frozen(server),
        ask(server.url, config={"temperature": 0}),
        ask(server.url, config={"temperature": 0.7}, temperature=0),
        ask(server.url, cache="use"),
        ask(server.url, cache="use", temperature=0.1),
    ]
    passed_over = [
        ask(server.url),
        ask(server.url, temperature=0.1),
        ask(server.url, config={"temperature": 0}, temperature=0.1),
        frozen(server, cache="off"),
    ]
    for params in (*used, *passed_over):
        is_cached(sidecar, params)
    assert [is_cached(sidecar, params) for params in used] == [True] * len(used)
    assert [is_cached(sidecar, params) for params in passed_over] == [False] * len(passed_over)


def test_refresh_asks_anew_and_keeps_the_answer(sidecar: Sidecar, server: Server) -> None:
    is_cached(sidecar, frozen(server))
    server.script = answering(piece("Anew"), last())
    assert sidecar.call("chat/complete", frozen(server))["content"] == "Hello ✓"
    refreshed = sidecar.call("chat/complete", frozen(server, cache="refresh"))
    assert (refreshed["content"], refreshed["cached"]) == ("Anew", False)
    assert sidecar.call("chat/complete", frozen(server))["content"] == "Anew"
    assert sidecar.call("metrics/get")["cache"] == {"hits": 2, "misses": 1}


def test_off_in_the_settings_goes_before_all(sidecar: Sidecar, server: Server, file: Path) -> None:
    sidecar.call("settings/update", {"cache": {"mode": "off"}})
    for mode in ("use", "refresh", "use"):
        assert not is_cached(sidecar, frozen(server, cache=mode))
    assert not file.exists()
    sidecar.call("settings/update", {"cache": {"mode": "use"}})
    assert [is_cached(sidecar, frozen(server)) for _ in range(2)] == [False, True]
    sidecar.call("settings/update", {"cache": {"mode": "off"}})
    assert not is_cached(sidecar, frozen(server))
    assert sidecar.call("cache/stats")["enabled"] is False


def test_the_offline_provider_always_answers_itself(sidecar: Sidecar, file: Path) -> None:
    params = question(config={"provider": "offline"}, temperature=0, cache="use")
    assert [is_cached(sidecar, params) for _ in range(2)] == [False, False]
    assert not file.exists()


# The key


def test_whatever_an_answer_depends_on_is_in_the_key(sidecar: Sidecar, server: Server, serve: Serve) -> None:
    tools = [{"name": name, "description": "", "parameters": {"type": "object"}} for name in ("a", "b")]
    messages = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": True}
    different = [
        frozen(server),
        frozen(server, "Hello "),
        frozen(server, "caf\u00e9"),
        frozen(server, "cafe\u0301"),
        frozen(server, messages=messages),
        frozen(server, messages=messages[::-1]),
        frozen(server, messages=[{**messages[0], "name": "Ada"}]),
        frozen(server, config={"model": "other"}),
        frozen(server, cache="use", temperature=0.1),
        frozen(server, maxTokens=10),
        frozen(server, stop=["x", "y"]),
        frozen(server, stop=["y", "x"]),
        frozen(server, tools=tools),
        frozen(server, tools=tools[::-1]),
        frozen(server, tools=tools, toolChoice="none"),
        frozen(server, tools=[tools[0], {**tools[1], "parameters": schema}]),
        frozen(server, config={"apiKey": "key-number-one"}),
        frozen(server, config={"apiKey": "key-number-two"}),
        frozen(server, config={"headers": {"X-Team": "one"}}),
        frozen(server, config={"headers": {"X-Team": "two"}}),
        frozen(server, config={"headers": {"X-Troop": "one"}}),
        frozen(server, config={"apiVersion": "1"}),
        frozen(server, config={"api": "chat"}),
        frozen(server, config={"baseModel": "test-model"}),
        frozen(serve(HELLO)),
    ]
    assert [is_cached(sidecar, params) for params in different] == [False] * len(different)
    assert [is_cached(sidecar, params) for params in different] == [True] * len(different)


def test_how_a_question_is_written_down_is_not_in_the_key(sidecar: Sidecar, server: Server) -> None:
    def asking(schema: dict[str, Any], **params: Any) -> dict[str, Any]:
        return frozen(server, tools=[{"name": "a", "description": "", "parameters": schema}], **params)

    assert not is_cached(sidecar, asking({"type": "object", "properties": {"a": {}, "b": {}}}))
    assert is_cached(sidecar, asking({"properties": {"b": {}, "a": {}}, "type": "object"}, temperature=0.0))
    fallback = [{"provider": "offline"}]
    assert is_cached(
        sidecar, asking({"type": "object", "properties": {"a": {}, "b": {}}}, config={"fallback": fallback})
    )


def test_each_key_that_the_host_sets_is_an_account_of_its_own(sidecar: Sidecar, server: Server) -> None:
    for expected in (False, True):
        for key in ("key-number-one", "key-number-two"):
            sidecar.call("credential/set", {"provider": "ollama", "apiKey": key})
            assert is_cached(sidecar, frozen(server)) is expected
    assert is_cached(sidecar, frozen(server, config={"apiKey": "key-number-one"}))


def test_neither_questions_nor_keys_are_written_to_disk(sidecar: Sidecar, server: Server, file: Path) -> None:
    secrets = ("canary-question", "canary-api-key", "canary-header")
    config = {"apiKey": secrets[1], "headers": {"X-Gate": secrets[2]}}
    is_cached(sidecar, frozen(server, secrets[0], config=config))
    assert is_cached(sidecar, frozen(server, secrets[0], config=config))
    for path in file.parent.iterdir():
        held = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in held], path
        assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o600
    assert not [line for line in sidecar.log if "canary" in line]


# What is kept


def test_only_whole_answers_are_kept(sidecar: Sidecar, server: Server) -> None:
    scripts = {
        "length": answering(piece("Hel"), last("length")),
        "empty": answering(last()),
        "cut": cut_after([piece("Hel")], Reply.reset),
        "error": sending(400, {"error": "no"}),
    }
    for text, script in scripts.items():
        server.script = script
        server.release()
        sidecar.call("chat/complete", frozen(server, text))
    server.script = HELLO
    for expected in (False, True):
        assert {text: is_cached(sidecar, frozen(server, text)) for text in scripts} == dict.fromkeys(scripts, expected)


def test_a_cancelled_answer_is_not_kept(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(cut_after([piece("Hel")], Reply.close))
    sidecar.request(1, "chat/complete", frozen(server))
    sidecar.wait_for(lambda message: message.get("method") == "stream/token")
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    server.script = HELLO
    assert not is_cached(sidecar, frozen(server))


def test_the_answer_of_a_fallback_is_not_kept(sidecar: Sidecar, server: Server) -> None:
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    own = {"provider": "ollama", "model": "test-model", "endpoint": server.url}
    config = {**own, "endpoint": f"http://127.0.0.1:{closed_port()}", "fallback": [own]}
    assert [is_cached(sidecar, question(config=config, temperature=0)) for _ in range(2)] == [False, False]
    assert len(server.requests) == 2


def test_answers_expire(sidecar: Sidecar, server: Server, file: Path) -> None:
    for shift in (-3600 * 1000, +3_600_000):  # too old; from the future: the clock was set back
        is_cached(sidecar, frozen(server))
        assert is_cached(sidecar, frozen(server))
        with opened(file) as connection:
            connection.execute("UPDATE answers SET stored_at = stored_at + ?", (shift,))
        assert sidecar.call("cache/stats")["entries"] == 0
        assert not is_cached(sidecar, frozen(server, "Another"))  # which removes the other
        with opened(file) as connection:
            assert connection.execute("SELECT count(*) FROM answers").fetchone() == (1,)
        sidecar.call("cache/clear")
    is_cached(sidecar, frozen(server))
    with opened(file) as connection:
        connection.execute("UPDATE answers SET stored_at = stored_at - 5000")
    assert is_cached(sidecar, frozen(server))
    sidecar.call("settings/update", {"cache": {"ttlSeconds": 5}})
    assert not is_cached(sidecar, frozen(server))


def test_the_file_stays_as_small_as_the_settings_say(sidecar: Sidecar, serve: Serve, file: Path) -> None:
    server = serve(answering(piece("x" * 8000), last()))
    for number in range(12):
        is_cached(sidecar, frozen(server, str(number)))
    assert sidecar.call("cache/stats")["bytes"] > 65_536
    sidecar.call("settings/update", {"cache": {"maxBytes": 65_536}})
    for number in range(12, 30):
        assert is_cached(sidecar, frozen(server, "0"))  # used again and again, it stays
        assert not is_cached(sidecar, frozen(server, str(number)))
        assert sidecar.call("cache/stats")["bytes"] <= 65_536
    assert sidecar.call("cache/stats")["entries"] >= 4
    assert not is_cached(sidecar, frozen(server, "1"))
    server.script = answering(piece("x" * 20_000), last())
    assert [is_cached(sidecar, frozen(server, "long")) for _ in range(2)] == [False, False]
    sidecar.call("cache/clear")
    assert file.stat().st_size <= 65_536
    assert b"xxxx" not in b"".join(path.read_bytes() for path in file.parent.iterdir())


def test_stats_and_clear(sidecar: Sidecar, server: Server) -> None:
    assert sidecar.call("cache/clear") == {"removed": 0}
    for text in ("one", "two", "one"):
        is_cached(sidecar, frozen(server, text))
    stats = sidecar.call("cache/stats")
    assert stats.pop("bytes") > 0
    assert stats.pop("oldestAt").endswith("Z")
    bounds = {"maxBytes": 268_435_456, "ttlSeconds": 3600}
    assert stats == {"backend": "sqlite", "enabled": True, "entries": 2, "hits": 1, "misses": 2, **bounds}
    assert sidecar.call("cache/clear") == {"removed": 2}
    assert "oldestAt" not in json.dumps(sidecar.call("cache/stats"))
    assert not is_cached(sidecar, frozen(server, "one"))
