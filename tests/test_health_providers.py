"""`health/providers` and `model/list` over all providers: side by side, and none hides another."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar, question

Start = Callable[..., Sidecar]
Serve = Callable[[Script], Server]

ALL = ["azure-openai", "openai", "anthropic", "ollama", "offline"]
NOT_CONFIGURED = "providerNotConfigured"


async def listing(_request: Request, reply: Reply) -> None:
    """What each of the APIs has where its models are listed, all in one."""
    models = [{"id": "m", "object": "model", "created": 1, "owned_by": "x", "name": "m", "model": "m", "details": {}}]
    await reply.send(200, json.dumps({"object": "list", "data": models, "models": models}).encode())


async def held(request: Request, reply: Reply) -> None:
    await reply.hold()
    await listing(request, reply)


def start_with(start: Start, server: Server) -> Sidecar:
    """A service with three providers, all at one server, and no key for the fourth."""
    sidecar = start(
        env={"OLLAMA_HOST": server.url, "AZURE_OPENAI_ENDPOINT": server.url, "AZURE_OPENAI_API_KEY": "azure-key"}
    )
    sidecar.call("settings/update", {"config": {"provider": "openai", "endpoint": server.url}})
    import_what_is_needed(sidecar)
    server.requests.clear()
    return sidecar


def import_what_is_needed(sidecar: Sidecar) -> None:
    """Have a question answered, or fail: that has no time limit, so what follows is not late for its imports."""
    sidecar.call("chat/complete", question(model="m"))


def kinds(providers: dict[str, Any]) -> dict[str, str | None]:
    return {name: provider.get("error", {}).get("kind") for name, provider in providers.items()}


def test_without_anything_set_up_only_the_offline_provider_is_there(start: Start) -> None:
    sidecar = start(env={"OLLAMA_HOST": f"127.0.0.1:{closed_port()}"})
    providers = sidecar.call("health/providers")["providers"]
    assert list(providers) == ALL
    assert kinds(providers) == {
        "azure-openai": NOT_CONFIGURED,
        "openai": NOT_CONFIGURED,
        "anthropic": NOT_CONFIGURED,
        "ollama": "providerUnavailable",
        "offline": None,
    }
    assert providers["offline"].pop("latencyMs") >= 0
    assert providers["offline"] == {"provider": "offline", "available": True, "models": ["offline"]}
    for name in ALL[:-1]:
        assert (providers[name]["provider"], providers[name]["available"], providers[name]["models"]) == (
            name,
            False,
            [],
        )
        assert providers[name]["error"]["message"].endswith(".")
        assert "latencyMs" not in providers[name]
    listed = sidecar.call("model/list")
    assert [model["id"] for model in listed["models"]] == ["offline"]
    assert {error["provider"]: error["kind"] for error in listed["errors"]} == {
        name: kind for name, kind in kinds(providers).items() if kind
    }


@pytest.mark.parametrize("method", ["health/providers", "model/list"])
def test_all_are_asked_at_the_same_time(start: Start, serve: Serve, method: str) -> None:
    server = serve(listing)
    sidecar = start_with(start, server)
    server.script = held
    sidecar.request(1, method)
    server.request(2)
    for _ in range(3):
        server.release()
    result = sidecar.response(1)["result"]
    if method == "model/list":
        assert [model["provider"] for model in result["models"]] == ["azure-openai", "openai", "ollama", "offline"]
        assert [error["provider"] for error in result["errors"]] == ["anthropic"]
    else:
        available = [name for name, provider in result["providers"].items() if provider["available"]]
        assert available == ["azure-openai", "openai", "ollama", "offline"]
        assert all(result["providers"][name]["models"] == ["m"] for name in available[:-1])
    assert len(server.requests) == 3


def test_one_that_does_not_answer_costs_three_seconds_in_all(start: Start, serve: Serve) -> None:
    server = serve(listing)
    sidecar = start_with(start, server)
    server.script = held
    before = time.monotonic()
    providers = sidecar.call("health/providers")["providers"]
    assert 2.9 < time.monotonic() - before < 6
    assert kinds(providers) == {
        "azure-openai": "providerUnavailable",
        "openai": "providerUnavailable",
        "anthropic": NOT_CONFIGURED,
        "ollama": "providerUnavailable",
        "offline": None,
    }
    assert all(request.connection.closed.wait(1) for request in server.requests[-3:])


def test_a_key_that_the_provider_refuses_is_told(start: Start, serve: Serve) -> None:
    async def refusing(_request: Request, reply: Reply) -> None:
        await reply.send(401, b'{"error": {"message": "canary-text"}}')

    sidecar = start_with(start, serve(refusing))
    providers = sidecar.call("health/providers")["providers"]
    assert [kinds(providers)[name] for name in ("azure-openai", "openai", "ollama")] == ["authenticationFailed"] * 3
    assert b"canary-text" not in b"".join(sidecar.raw)


def test_a_key_from_the_host_is_asked_for_without_holding_the_others_up(start: Start, serve: Serve) -> None:
    server = serve(listing)
    sidecar = start(env={"OLLAMA_HOST": server.url})
    config = {"provider": "anthropic", "endpoint": server.url, "apiKey": "first-key"}
    sidecar.initialize(capabilities={"credentials": True}, settings={"config": config})
    import_what_is_needed(sidecar)
    sidecar.call("settings/update", {"config": {"apiKey": None}})
    sidecar.request(1, "health/providers")
    asked: list[Any] = []

    def answer_all() -> bool:
        for message in list(sidecar.messages):
            if message.get("method") == "credential/request" and message["id"] not in asked:
                asked.append(message["id"])
                key = {"apiKey": "host-key"} if message["params"]["provider"] == "anthropic" else {}
                sidecar.send({"jsonrpc": "2.0", "id": message["id"], "result": key})
        return any(message.get("id") == 1 for message in list(sidecar.messages))

    sidecar.wait_until(answer_all)
    providers = sidecar.response(1)["result"]["providers"]
    assert [name for name, provider in providers.items() if provider["available"]] == ["anthropic", "ollama", "offline"]
    assert len(asked) == 3
