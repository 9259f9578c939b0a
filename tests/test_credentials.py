"""Where a key comes from, and which one goes first."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, question

Start = Callable[..., Sidecar]

ASKING = {"credentials": True}


async def refusing(_request: Request, reply: Reply) -> None:
    """Whatever is asked, the key is wrong: what matters is the key that came."""
    await reply.send(401, b'{"error": {"message": "wrong key", "type": "invalid_request_error"}}')


@pytest.fixture
def server(serve: Callable[[Script], Server]) -> Server:
    return serve(refusing)


def chat(server: Server, provider: str = "openai", **config: Any) -> dict[str, Any]:
    return question(config={"provider": provider, "endpoint": server.url, "model": "m", **config})


def keys(server: Server) -> list[str]:
    """The keys that have come, in order."""
    return [request.headers.get("authorization", "").removeprefix("Bearer ") for request in server.requests]


def questions(sidecar: Sidecar) -> list[Any]:
    return [message for message in list(sidecar.messages) if message.get("method") == "credential/request"]


def asked(sidecar: Sidecar, times: int = 1) -> Any:
    """The latest question for a key, when so many have come."""
    sidecar.wait_until(lambda: len(questions(sidecar)) >= times)
    return questions(sidecar)[times - 1]


def answer(sidecar: Sidecar, asked_for: Any, **members: Any) -> None:
    sidecar.send({"jsonrpc": "2.0", "id": asked_for["id"], **members})


def is_taken_back(sidecar: Sidecar, asked_for: Any) -> bool:
    return any(
        message.get("method") == "$/cancelRequest" and message["params"] == {"id": asked_for["id"]}
        for message in list(sidecar.messages)
    )


# What the host sets


def test_a_key_that_was_set_is_sent(start: Start, server: Server) -> None:
    sidecar = start()
    assert sidecar.call("chat/complete", chat(server, "anthropic"))["data"]["kind"] == "providerNotConfigured"
    assert server.requests == []
    assert sidecar.call("credential/set", {"provider": "openai", "apiKey": "set-key"}) == {}
    assert sidecar.call("chat/complete", chat(server))["data"]["kind"] == "authenticationFailed"
    assert keys(server) == ["set-key"]


def test_the_key_of_the_endpoint_goes_before_that_of_the_provider_and_a_configs_before_both(
    start: Start, server: Server
) -> None:
    sidecar = start(env={"OPENAI_API_KEY": "environment-key"})
    for key, endpoint in [
        ("wide-key", None),
        ("endpoint-key", server.url + "/"),
        ("other-key", "https://other.example/v1"),
    ]:
        sidecar.call("chat/complete", chat(server))
        sidecar.call("credential/set", {"provider": "openai", "apiKey": key, "endpoint": endpoint})
    sidecar.call("credential/set", {"provider": "anthropic", "apiKey": "anthropic-key", "endpoint": server.url})
    sidecar.call("chat/complete", chat(server))
    sidecar.call("chat/complete", chat(server, apiKey="config-key"))
    assert keys(server) == ["environment-key", "wide-key", "endpoint-key", "endpoint-key", "config-key"]


def test_a_key_can_be_taken_back(start: Start, server: Server) -> None:
    sidecar = start(env={"OPENAI_API_KEY": "environment-key"})
    sidecar.call("credential/set", {"provider": "openai", "apiKey": "wide-key"})
    sidecar.call("credential/set", {"provider": "openai", "apiKey": "endpoint-key", "endpoint": server.url})
    assert sidecar.call("credential/clear", {"provider": "openai", "endpoint": server.url}) == {}
    sidecar.call("chat/complete", chat(server))
    sidecar.call("credential/set", {"provider": "openai", "apiKey": "endpoint-key", "endpoint": server.url})
    sidecar.call("credential/clear", {"provider": "anthropic"})
    sidecar.call("chat/complete", chat(server))
    sidecar.call("credential/clear", {"provider": "openai"})
    sidecar.call("chat/complete", chat(server))
    assert keys(server) == ["wide-key", "endpoint-key", "environment-key"]


def test_a_key_that_is_none_is_refused(start: Start) -> None:
    sidecar = start()
    for params in (
        {"provider": "openai"},
        {"provider": "openai", "apiKey": ""},
        {"apiKey": "key"},
        {"provider": "acme", "apiKey": "key"},
    ):
        assert sidecar.call("credential/set", params)["data"]["kind"] == "invalidParams"


# What the host is asked for


@pytest.fixture
def asking(start: Start) -> Sidecar:
    """A service whose host answers `credential/request`, and whose environment holds a key as well."""
    sidecar = start(env={"OPENAI_API_KEY": "environment-key"})
    sidecar.initialize(capabilities=ASKING)
    return sidecar


def test_the_host_is_asked_once_and_its_answer_is_kept(asking: Sidecar, server: Server) -> None:
    for request_id in (1, 2, 3):
        asking.request(request_id, "chat/complete", chat(server))
    asked_for = asked(asking)
    assert asked_for["params"] == {"provider": "openai", "endpoint": server.url}
    asking.call("ping")  # all three have been read, and none has asked again
    assert (len(questions(asking)), server.requests) == (1, [])
    answer(asking, asked_for, result={"apiKey": "host-key"})
    for request_id in (1, 2, 3):
        asking.response(request_id)
    assert keys(server) == ["host-key"] * 3


def test_a_key_that_the_provider_refused_is_asked_for_again(asking: Sidecar, server: Server) -> None:
    for times, key in enumerate(("first-key", "second-key"), 1):
        asking.request(times, "chat/complete", chat(server))
        answer(asking, asked(asking, times), result={"apiKey": key})
        assert asking.response(times)["error"]["data"]["kind"] == "authenticationFailed"
    assert keys(server) == ["first-key", "second-key"]


def test_a_cancelled_request_takes_the_question_back_from_nobody(asking: Sidecar, server: Server) -> None:
    asking.request(1, "chat/complete", chat(server))
    asked_for = asked(asking)
    asking.request(2, "chat/complete", chat(server))
    asking.notify("$/cancelRequest", {"id": 1})
    assert asking.response(1)["error"]["data"]["kind"] == "cancelled"
    late = asking.call("chat/complete", {**chat(server), "_meta": {"timeoutMs": 50}})
    assert late["data"]["kind"] == "deadlineExceeded"
    answer(asking, asked_for, result={"apiKey": "host-key"})
    asking.response(2)
    assert keys(server) == ["host-key"]
    assert not is_taken_back(asking, asked_for)
    asking.assert_alive()


NO_KEY: list[dict[str, Any]] = [
    {"error": {"code": -32001, "message": "locked"}},
    {"result": {"apiKey": ""}},
    {"result": {"apiKey": None}},
    {"result": {}},
    {"result": {"apiKey": 5}},
    {"result": None},
]


def test_without_an_answer_the_environment_is_next_and_the_host_is_left_alone(asking: Sidecar, server: Server) -> None:
    for number, members in enumerate(NO_KEY, 1):
        params = chat(server, endpoint=f"{server.url}/{number}")
        asking.request(number, "chat/complete", params)
        answer(asking, asked(asking, number), **members)
        asking.response(number)
        asking.call("chat/complete", params)
        assert len(questions(asking)) == number
    assert keys(server) == ["environment-key"] * 2 * len(NO_KEY)
    asking.assert_alive()


def test_a_host_that_had_no_key_is_asked_again_once_it_has_spoken_of_keys(asking: Sidecar, server: Server) -> None:
    asking.request(1, "chat/complete", chat(server))
    answer(asking, asked(asking), result={})
    asking.response(1)
    asking.call("credential/clear", {"provider": "openai"})
    asking.request(2, "chat/complete", chat(server))
    answer(asking, asked(asking, 2), result={"apiKey": "host-key"})
    asking.response(2)
    assert keys(server) == ["environment-key", "host-key"]


def test_a_key_that_is_set_meanwhile_ends_the_wait(asking: Sidecar, server: Server) -> None:
    asking.request(1, "chat/complete", chat(server))
    asked_for = asked(asking)
    asking.call("credential/set", {"provider": "openai", "apiKey": "set-key"})
    asking.response(1)
    asking.wait_until(lambda: is_taken_back(asking, asked_for))
    answer(asking, asked_for, result={"apiKey": "late-key"})
    asking.call("chat/complete", chat(server))
    assert keys(server) == ["set-key"] * 2


def test_an_answer_that_was_taken_back_at_once_is_not_kept(asking: Sidecar, server: Server) -> None:
    asking.request(1, "chat/complete", chat(server))
    given = {"jsonrpc": "2.0", "id": asked(asking)["id"], "result": {"apiKey": "host-key"}}
    taken = {"jsonrpc": "2.0", "id": 2, "method": "credential/clear", "params": {"provider": "openai"}}
    asking.write(json.dumps(given).encode() + b"\n" + json.dumps(taken).encode() + b"\n")  # one write: read as one
    asking.response(1)
    asking.request(3, "chat/complete", chat(server))
    answer(asking, asked(asking, 2), result={})
    asking.response(3)
    assert keys(server) == ["environment-key"] * 2


def test_a_request_that_waits_when_the_host_goes_falls_back_on_the_environment(asking: Sidecar, server: Server) -> None:
    asking.request(1, "chat/complete", chat(server))
    asked(asking)
    asking.close_input()
    assert asking.response(1)["error"]["data"]["kind"] == "authenticationFailed"
    assert asking.exit_code() == 0
    assert keys(server) == ["environment-key"]


def test_a_password_in_the_endpoint_is_not_told_in_the_question(asking: Sidecar, server: Server) -> None:
    endpoint = server.url.replace("://", "://user:canary-password@")
    asking.request(1, "chat/complete", chat(server, endpoint=endpoint))
    asked_for = asked(asking)
    answer(asking, asked_for, result={"apiKey": "host-key"})
    asking.response(1)
    assert asked_for["params"]["endpoint"] == server.url
    assert b"canary-password" not in b"".join(asking.raw)


@pytest.mark.parametrize("capabilities", [None, {}, {"credentials": False}, {"approvals": True}])
def test_a_host_that_can_not_answer_is_not_asked(start: Start, server: Server, capabilities: Any) -> None:
    sidecar = start()
    sidecar.initialize(**({"capabilities": capabilities} if capabilities is not None else {}))
    assert sidecar.call("chat/complete", chat(server, "anthropic"))["data"]["kind"] == "providerNotConfigured"
    assert questions(sidecar) == []


def test_nobody_is_asked_where_no_key_is_needed(asking: Sidecar, server: Server) -> None:
    asking.call("chat/complete", chat(server, "ollama"))
    asking.call("chat/complete", question())
    assert (questions(asking), keys(server)) == ([], [""])
