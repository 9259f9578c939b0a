"""Providers that fail: asking again, asking another, leaving alone, waiting in turn."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.providers.ollama import NDJSON, answering, ask, last, lines, piece, sending
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar, question, wait_until

Serve = Callable[[Script], Server]

HELLO = answering(piece("Hel"), piece("lo"), last())
BUSY = sending(503, {"error": "busy"}, Retry_After="0")
LIMITED = sending(429, {"error": "slow down"}, retry_after_ms="5")
QUOTA = sending(429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "-"}})


def in_turn(*scripts: Script) -> Script:
    """Each request gets the next script; those after the last get the last again."""
    number = count()

    async def script(request: Request, reply: Reply) -> None:
        await scripts[min(next(number), len(scripts) - 1)](request, reply)

    return script


def phases(sidecar: Sidecar, request_id: Any) -> list[str]:
    return [message["params"]["phase"] for message in sidecar.notifications(request_id, "stream/progress")]


def openai(url: str, **config: Any) -> dict[str, Any]:
    return {"provider": "openai", "endpoint": f"{url}/v1", "model": "test-model", **config}


def ollama(url: str, **config: Any) -> dict[str, Any]:
    return {"provider": "ollama", "endpoint": url, "model": "test-model", **config}


# Asking again


@pytest.mark.parametrize(
    "failure", [BUSY, LIMITED, sending(408, {}, Retry_After="0"), sending(529, {}, Retry_After="0")]
)
def test_what_may_pass_is_asked_again(sidecar: Sidecar, serve: Serve, failure: Script) -> None:
    server = serve(in_turn(failure, failure, HELLO))
    before = sidecar.call("metrics/get")["retries"]
    answer = sidecar.call("chat/complete", ask(server.url), request_id=1)
    assert (answer["content"], answer["attempts"], len(server.requests)) == ("Hello", 3, 3)
    assert phases(sidecar, 1).count("retry") == 2
    assert [message["params"]["seq"] for message in sidecar.notifications(1)] == list(
        range(5 + phases(sidecar, 1).count("waiting"))
    )
    assert sidecar.call("metrics/get")["retries"] - before == 2


def test_an_answer_that_breaks_before_its_first_piece_is_asked_for_again(sidecar: Sidecar, serve: Serve) -> None:
    async def cut(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        reply.reset()

    server = serve(in_turn(cut, HELLO))
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


def test_an_answer_that_has_begun_is_not_begun_again(sidecar: Sidecar, serve: Serve) -> None:
    async def cut(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        await reply.chunk(lines(piece("Hel")))
        reply.close()

    server = serve(in_turn(cut, HELLO))
    config = ollama(server.url, fallback=[ollama(server.url)])
    data = sidecar.call("chat/complete", question(config=config))["data"]
    assert (data["kind"], data["partial"], len(server.requests)) == ("streamInterrupted", "Hel", 1)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (sending(400, {}), "providerRejected"),
        (sending(401, {}), "authenticationFailed"),
        (sending(404, {"error": "model not found"}), "modelNotFound"),
        (sending(413, {}), "contextWindowExceeded"),
    ],
)
def test_what_will_not_pass_is_asked_once(sidecar: Sidecar, serve: Serve, failure: Script, kind: str) -> None:
    server = serve(failure)
    config = ollama(server.url, fallback=[{"provider": "offline"}])
    data = sidecar.call("chat/complete", question(config=config), request_id=1)["data"]
    assert (data["kind"], len(server.requests), phases(sidecar, 1)) == (kind, 1, [])


def test_a_used_up_quota_is_never_asked_again(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(QUOTA)
    data = sidecar.call("chat/complete", question(config=openai(server.url, apiKey="sk-test-quota")))["data"]
    assert (data["kind"], data["retryable"], len(server.requests)) == ("quotaExceeded", False, 1)


def test_the_number_of_tries_is_a_setting(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(BUSY)
    assert sidecar.call("chat/complete", ask(server.url))["data"]["kind"] == "providerUnavailable"
    assert len(server.requests) == 3
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    sidecar.call("chat/complete", ask(server.url))
    assert len(server.requests) == 4


def test_the_provider_says_how_long_to_wait(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(in_turn(sending(429, {}, retry_after_ms="300"), HELLO))
    assert sidecar.call("chat/complete", ask(server.url))["attempts"] == 2
    assert server.requests[1].at - server.requests[0].at >= 0.3


def test_a_long_wait_is_left_to_the_host(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(429, {}, Retry_After="3600"))
    for _ in range(2):  # the second time nobody is asked
        data = sidecar.call("chat/complete", ask(server.url))["data"]
        assert data["kind"] == "rateLimited"
        assert 3590_000 < data["retryAfterMs"] <= 3600_000
    assert len(server.requests) == 1


def test_a_wait_past_the_deadline_is_not_begun(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(503, {}, Retry_After="50"))
    data = sidecar.call("chat/complete", ask(server.url, _meta={"timeoutMs": 15_000}))["data"]
    assert (data["kind"], data["retryAfterMs"], len(server.requests)) == ("providerUnavailable", 50_000, 1)


def test_a_cancel_between_two_tries_is_answered_at_once(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(503, {}, Retry_After="50"))
    sidecar.request(1, "chat/complete", ask(server.url))
    sidecar.wait_for(lambda message: message.get("method") == "stream/progress")
    before = time.monotonic()
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    assert time.monotonic() - before < 1
    assert len(server.requests) == 1


# Asking another


@pytest.mark.parametrize("failure", [sending(500, {}, Retry_After="0"), sending(429, {}, Retry_After="3600")])
def test_a_fallback_answers_where_the_first_can_not(sidecar: Sidecar, serve: Serve, failure: Script) -> None:
    first, second = serve(failure), serve(HELLO)
    config = ollama(
        first.url, fallback=[ollama(f"http://127.0.0.1:{closed_port()}"), ollama(second.url, model="other")]
    )
    answer = sidecar.call("chat/complete", question(config=config), request_id=1)
    assert (answer["content"], answer["model"], answer["provider"]) == ("Hello", "other", "ollama")
    assert answer["attempts"] == len(first.requests) + 2
    assert phases(sidecar, 1).count("fallback") == 2
    assert second.requests[0].json["model"] == "other"


def test_nothing_of_the_first_is_carried_over_to_the_fallback(sidecar: Sidecar, serve: Serve) -> None:
    first, second = serve(sending(500, {}, Retry_After="0")), serve(HELLO)
    fallback = ollama(second.url, temperature=0.25)
    config = ollama(first.url, apiKey="sk-first-only", headers={"X-First": "1"}, temperature=0.75, fallback=[fallback])
    assert sidecar.call("chat/complete", question(config=config))["content"] == "Hello"
    asked = second.requests[0]
    assert "authorization" not in asked.headers
    assert "x-first" not in asked.headers
    assert asked.json["options"]["temperature"] == 0.25


def test_the_first_error_is_the_answer_where_all_fail(sidecar: Sidecar, serve: Serve) -> None:
    server, limited = serve(BUSY), serve(sending(429, {}, Retry_After="3600"))
    config = ollama(server.url, fallback=[ollama(limited.url), {"provider": "anthropic"}])
    error = sidecar.call("chat/complete", question(config=config))
    assert error["data"]["kind"] == "providerUnavailable"
    assert (len(server.requests), len(limited.requests)) == (3, 1)


def test_a_fallback_that_can_not_be_used_is_passed_over(sidecar: Sidecar, serve: Serve) -> None:
    server, refusing, answering_one = serve(BUSY), serve(sending(401, {})), serve(HELLO)
    fallback = [{"provider": "anthropic"}, ollama(refusing.url), ollama(answering_one.url)]
    answer = sidecar.call("chat/complete", question(config=ollama(server.url, fallback=fallback)))
    assert answer["content"] == "Hello"


def test_a_fallback_without_a_name_is_another_way_to_the_same_model(sidecar: Sidecar, serve: Serve) -> None:
    first, second = serve(BUSY), serve(HELLO)
    answer = sidecar.call("chat/complete", question(config=ollama(first.url, fallback=[{"endpoint": second.url}])))
    assert (answer["content"], answer["provider"], answer["model"]) == ("Hello", "ollama", "test-model")


def test_a_provider_that_is_not_configured_does_not_hide_behind_a_fallback(sidecar: Sidecar) -> None:
    config = {"provider": "openai", "model": "gpt-x", "fallback": [{"provider": "offline"}]}
    assert sidecar.call("chat/complete", question(config=config))["data"]["kind"] == "providerNotConfigured"


# Leaving alone


def test_an_endpoint_that_keeps_failing_is_left_alone(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(BUSY)
    for _ in range(2):
        sidecar.call("chat/complete", ask(server.url))
    asked = len(server.requests)
    assert asked == 5, "the sixth try finds the door shut"
    data = sidecar.call("chat/complete", ask(server.url))["data"]
    assert data["kind"] == "providerUnavailable"
    assert 0 < data["retryAfterMs"] <= 10_000
    settings = sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    assert settings["limits"]["maxAttempts"] == 1
    sidecar.call("chat/complete", ask(server.url))
    asked += 1  # what was wrong may have been mended in the settings
    assert len(server.requests) == asked
    server.script = HELLO
    other = ask(server.url, config={"apiKey": "sk-other-account"})
    assert sidecar.call("chat/complete", other)["content"] == "Hello", "another account is another matter"


def test_a_probe_that_succeeds_opens_the_endpoint_again(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(BUSY)
    sidecar.call("settings/update", {"config": ollama(server.url)})
    for _ in range(2):
        sidecar.call("chat/complete", question())
    server.script = sending(200, {"version": "1"})
    assert sidecar.call("health/ready")["ready"] is True
    server.script = HELLO
    assert sidecar.call("chat/complete", question())["content"] == "Hello"


def test_what_the_host_got_wrong_does_not_shut_the_endpoint(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(400, {}))
    for _ in range(7):
        sidecar.call("chat/complete", ask(server.url))
    server.script = HELLO
    assert sidecar.call("chat/complete", ask(server.url))["content"] == "Hello"


# Waiting in turn


def test_one_endpoint_answers_so_many_at_a_time(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(headers=NDJSON, end=False)
        await reply.chunk(lines(piece("Hel")))
        await reply.hold()
        await reply.chunk(lines(piece("lo"), last()))
        await reply.end()

    server = serve(script)
    sidecar.call("settings/update", {"limits": {"maxProviderConcurrency": 2}})
    for request_id in range(4):
        sidecar.request(request_id, "chat/complete", ask(server.url))
    sidecar.wait_until(lambda: sidecar.notifications(0) and sidecar.notifications(1))
    sidecar.call("health/check")
    assert len(server.requests) == 2
    sidecar.notify("$/cancelRequest", {"id": 2})
    assert sidecar.response(2)["error"]["data"]["kind"] == "cancelled", "it was still waiting for its turn"
    server.release()
    wait_until(lambda: len(server.requests) == 3)
    for _ in range(2):
        server.release()
    assert {sidecar.response(request_id)["result"]["content"] for request_id in (0, 1, 3)} == {"Hello"}


def test_rate_limit_headers_are_heeded_before_they_hurt(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        chunk = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        limits = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "400ms"}
        await reply.send(200, chunk, {"Content-Type": "text/event-stream", **limits})

    server = serve(script)
    config = openai(server.url, apiKey="sk-test-pacing")
    for request_id in (1, 2):
        sidecar.call("chat/complete", question(config=config), request_id=request_id)
    assert server.requests[1].at - server.requests[0].at >= 0.4
    assert (phases(sidecar, 1), phases(sidecar, 2)) == ([], ["waiting"])
