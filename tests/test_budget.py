"""What is spent: the cost of an answer, the totals, and the budget that ends it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import WAIT_SECONDS, Sidecar, question

Serve = Callable[[Script], Server]

MODEL = "gpt-6-astra"
INPUT, CACHED, OUTPUT = 10 / 1e6, 1 / 1e6, 50 / 1e6
"""US dollars for one token of it, as the table has it."""

USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
USED_USD = 1000 * INPUT + 100 * OUTPUT


@pytest.fixture
def sidecar(start: Callable[..., Sidecar]) -> Sidecar:
    return start()


def ask(server: Server, text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    config = {"provider": "openai", "endpoint": f"{server.url}/v1", "api": "chat", "apiKey": "key", "model": MODEL}
    return question(text, config={**config, **params.pop("config", {})}, **params, cache="off")


def set_budget(sidecar: Sidecar, dollars: float | None) -> None:
    sidecar.call("settings/update", {"budget": {"maxCostUsd": dollars}})


def spent(sidecar: Sidecar) -> float:
    dollars: float = sidecar.call("metrics/get")["budget"]["spentUsd"]
    return dollars


def event(content: str | None = None, **members: Any) -> bytes:
    choices = [] if content is None else [{"index": 0, "delta": {"content": content}, "finish_reason": None}]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices, **members}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


END = [{"index": 0, "delta": {}, "finish_reason": "stop"}]


async def begin(reply: Reply) -> None:
    await reply.send(headers={"Content-Type": "text/event-stream"}, end=False)
    await reply.chunk(event("Hello"))


async def finish(reply: Reply, usage: dict[str, Any]) -> None:
    await reply.chunk(event(choices=END) + event(usage=usage) + b"data: [DONE]\n\n")
    await reply.end()


def answering(**usage: Any) -> Script:
    """A script that answers "Hello" and tells what that used."""

    async def script(_request: Request, reply: Reply) -> None:
        await begin(reply)
        await finish(reply, {**USED, **usage})

    return script


async def waiting(_request: Request, reply: Reply) -> None:
    """A script that says nothing until it is released, and then answers."""
    await reply.hold()
    await begin(reply)
    await finish(reply, USED)


async def stopping(_request: Request, reply: Reply) -> None:
    """A script that goes no further than its first piece until it is released, and breaks off then."""
    await begin(reply)
    await reply.hold()
    reply.reset()


def estimate(sidecar: Sidecar, server: Server) -> float:
    """What the prompt of `ask` is taken to cost, in US dollars."""
    params = ask(server)
    counted = sidecar.call("token/count", {"messages": params["messages"], "config": params["config"]})
    assert not counted["exact"]
    return float(counted["tokens"] * INPUT)


# What an answer costs


CASES: list[tuple[dict[str, Any], dict[str, Any], float | None]] = [
    ({}, {}, USED_USD),
    ({"model": "gpt-6-astra-2026-11-01"}, {}, USED_USD),
    ({"model": "our-own", "baseModel": MODEL}, {}, USED_USD),
    ({}, {"prompt_tokens_details": {"cached_tokens": 400}}, 600 * INPUT + 400 * CACHED + 100 * OUTPUT),
    ({"model": "nobody-knows"}, {}, None),
    ({"model": "our-own", "baseModel": "nobody-knows"}, {}, None),
]


def test_an_answer_tells_what_it_cost(sidecar: Sidecar, serve: Serve) -> None:
    for place, (config, usage, dollars) in enumerate(CASES):
        answer = sidecar.call("chat/complete", ask(serve(answering(**usage)), config=config), request_id=place)
        assert answer["usage"]["costUsd"] == (dollars and pytest.approx(dollars, rel=1e-9)), config
        (told,) = sidecar.notifications(place, "stream/usage")
        assert told["params"]["usage"] == answer["usage"]


def test_totals_are_kept_by_model_and_overall(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    for model in (MODEL, MODEL, "gpt-6-luna"):
        sidecar.call("chat/complete", ask(server, config={"model": model}))
    sidecar.call("chat/complete", question(config={"provider": "offline"}))
    metrics = sidecar.call("metrics/get")
    costs = {model["model"]: model["costUsd"] for model in metrics["models"]}
    assert costs[MODEL] == pytest.approx(2 * USED_USD)
    assert 0 < costs["gpt-6-luna"] < USED_USD
    assert costs["offline"] == 0
    assert metrics["costUsd"] == pytest.approx(sum(costs.values()))
    assert metrics["budget"] == {"maxCostUsd": None, "spentUsd": pytest.approx(metrics["costUsd"])}
    for _ in range(2):
        sidecar.call("chat/complete", ask(server, config={"model": "nobody-knows"}))
    with_unknown = sidecar.call("metrics/get")
    unknown = {"model": "nobody-knows", "requests": 2, "costUsd": None}
    assert with_unknown["models"][-1].items() >= unknown.items()
    assert with_unknown["costUsd"] is None
    assert with_unknown["budget"] == metrics["budget"]


# The budget


def test_what_might_pass_the_budget_is_not_asked(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    set_budget(sidecar, 0.04)
    error = sidecar.call("chat/complete", ask(server, maxTokens=1000))
    assert (error["code"], error["data"]["kind"], error["data"]["retryable"]) == (-32013, "quotaExceeded", False)
    assert "$0.04" in error["data"]["userMessage"]
    assert "settings" in error["data"]["userMessage"]
    error = sidecar.call("embedding/create", {"input": ["x" * 10_000_000], **embedding(server)})
    assert error["data"]["kind"] == "quotaExceeded"
    assert not server.requests
    assert spent(sidecar) == 0
    assert sidecar.call("chat/complete", ask(server, maxTokens=700))["content"] == "Hello"
    for dollars in (1, None):
        set_budget(sidecar, 0)
        assert sidecar.call("chat/complete", ask(server))["data"]["kind"] == "quotaExceeded"
        set_budget(sidecar, dollars)
        assert sidecar.call("chat/complete", ask(server))["content"] == "Hello"


def test_what_is_spent_is_gone(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    set_budget(sidecar, 2.5 * USED_USD)
    for _ in range(3):  # without a bound on the answer it is its own cost that passes the budget
        assert sidecar.call("chat/complete", ask(server))["content"] == "Hello"
    error = sidecar.call("chat/complete", ask(server))
    assert error["data"]["kind"] == "quotaExceeded"
    assert len(server.requests) == 3
    metrics = sidecar.call("metrics/get")
    assert metrics["budget"] == {"maxCostUsd": 2.5 * USED_USD, "spentUsd": pytest.approx(3 * USED_USD)}
    assert metrics["requests"]["chat/complete"] == {"ok": 3, "quotaExceeded": 1}


def test_many_at_one_time_cannot_pass_the_budget_together(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(waiting)
    set_budget(sidecar, 0.11)  # twice the longest answer, and the prompts
    for number in range(6):
        sidecar.request(number, "chat/complete", ask(server, maxTokens=1000))
    server.request(1)
    refused = {number for number in range(2, 6) if sidecar.response(number)["error"]["data"]["kind"] == "quotaExceeded"}
    assert refused == {2, 3, 4, 5}
    assert spent(sidecar) == 0
    server.release()
    server.release()
    for number in range(2):
        assert sidecar.response(number)["result"]["content"] == "Hello"
    assert len(server.requests) == 2
    assert spent(sidecar) == pytest.approx(2 * USED_USD)
    server.release()
    assert sidecar.call("chat/complete", ask(server, maxTokens=1000))["content"] == "Hello"  # the rest was given back


def test_another_provider_is_no_way_around_the_budget(sidecar: Sidecar, serve: Serve) -> None:
    first, second = serve(answering()), serve(answering())
    set_budget(sidecar, 0)
    fallback = [{**ask(second)["config"], "model": "nobody-knows"}, {"provider": "offline"}]
    error = sidecar.call("chat/complete", ask(first, config={"fallback": fallback}))
    assert error["data"]["kind"] == "quotaExceeded"
    assert not first.requests
    assert not second.requests


def test_what_is_free_is_never_refused(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    assert sidecar.call("chat/complete", ask(server))["content"] == "Hello"
    set_budget(sidecar, 0)
    assert sidecar.call("chat/complete", question(config={"provider": "offline"}))["content"]
    assert sidecar.call("chat/complete", ask(server))["data"]["kind"] == "quotaExceeded"


def test_what_has_no_known_price_is_let_through_until_the_budget_is_passed(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    set_budget(sidecar, USED_USD / 2)
    assert sidecar.call("chat/complete", ask(server, config={"model": "nobody-knows"}))["content"] == "Hello"
    assert sidecar.call("chat/complete", ask(server))["content"] == "Hello"
    error = sidecar.call("chat/complete", ask(server, config={"model": "nobody-knows"}))
    assert error["data"]["kind"] == "quotaExceeded"


# Answers without an end


def test_an_answer_without_an_end_counts_with_its_prompt(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(stopping)
    sidecar.request(1, "chat/complete", ask(server))
    sidecar.wait_for(lambda message: message.get("params", {}).get("token") == "Hello")
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    assert spent(sidecar) == pytest.approx(estimate(sidecar, server))
    assert server.requests[0].connection.closed.wait(WAIT_SECONDS)
    server.release()  # not for that one, whose script has ended with its connection
    assert sidecar.call("chat/complete", ask(server))["data"]["kind"] == "streamInterrupted"
    metrics = sidecar.call("metrics/get")
    assert metrics["budget"]["spentUsd"] == pytest.approx(2 * estimate(sidecar, server))
    assert metrics["models"] == []


def test_a_question_that_is_cancelled_before_anything_came_costs_nothing(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(waiting)
    set_budget(sidecar, 0.06)
    sidecar.request(1, "chat/complete", ask(server, maxTokens=1000))
    server.request()
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    assert spent(sidecar) == 0
    server.script = answering()
    assert sidecar.call("chat/complete", ask(server, maxTokens=1000))["content"] == "Hello"


def test_only_the_try_that_answered_is_paid_for(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        if len(server.requests) == 1:
            await reply.send(503, b"{}", {"Retry-After": "0"})
        else:
            await answering()(request, reply)

    server = serve(script)
    answer = sidecar.call("chat/complete", ask(server))
    assert answer["attempts"] == 2
    metrics = sidecar.call("metrics/get")
    assert metrics["budget"]["spentUsd"] == pytest.approx(USED_USD)
    assert metrics["retries"] == 1


# Vectors


def embedding(server: Server) -> dict[str, Any]:
    return {"config": {**ask(server)["config"], "model": "text-embedding-3-small"}}


def test_vectors_cost_their_prompt(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}]
        usage = {"prompt_tokens": 5000, "total_tokens": 5000}
        body = {"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage}
        await reply.send(200, json.dumps(body).encode())

    server = serve(script)
    answer = sidecar.call("embedding/create", {"input": ["x"], **embedding(server)})
    assert answer["usage"]["costUsd"] == pytest.approx(5000 * 0.02 / 1e6)
    assert spent(sidecar) == pytest.approx(5000 * 0.02 / 1e6)
