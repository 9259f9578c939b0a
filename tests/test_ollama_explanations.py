"""What Ollama says of a failure: understood where a person can do something about it, and shown to nobody."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.ollama import answering, ask, last, piece, sending
from tests.providers.server import Reply, Request, Script, Server, closed_port
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

TOO_LONG = "the prompt is longer than the context length currently available to the model; shorten the prompt"
NO_MEMORY = "model requires more system memory (5.6 GiB) than is available (3.5 GiB)"
USED_UP = "you (someone) have reached your session usage limit, upgrade for higher limits: https://ollama.com/upgrade"

WITH_A_STATUS = [
    (400, TOO_LONG, "contextWindowExceeded", "OLLAMA_CONTEXT_LENGTH"),
    (400, "the input length exceeds the context length", "contextWindowExceeded", "OLLAMA_CONTEXT_LENGTH"),
    (500, "prompt too long; exceeded max context length by 9 tokens", "contextWindowExceeded", "shorten"),
    (500, NO_MEMORY, "providerUnavailable", "memory"),
    (400, 'registry.ollama.ai/library/tiny:1b "tiny:1b" does not support tools', "providerRejected", "tools"),
    (400, '"embedder" does not support chat', "providerRejected", "chat"),
    (401, "unauthorized", "authenticationFailed", "ollama signin"),
    (403, "ollama cloud is disabled: remote inference is unavailable", "providerRejected", "cloud"),
    (403, "this model requires a subscription, upgrade for access", "quotaExceeded", "plan"),
    (404, "model 'test-model' not found", "modelNotFound", "ollama pull test-model"),
    (429, USED_UP, "quotaExceeded", "plan"),
    (429, "too many concurrent requests", "rateLimited", "wait"),
    (503, "server busy, please try again.  maximum pending requests exceeded", "providerUnavailable", "try again"),
]

IN_THE_STREAM = [
    (TOO_LONG, "contextWindowExceeded", "OLLAMA_CONTEXT_LENGTH"),
    (NO_MEMORY, "providerUnavailable", "memory"),
    ("model 'test-model' not found", "modelNotFound", "ollama pull test-model"),
    ("unauthorized", "authenticationFailed", "ollama signin"),
    (USED_UP, "quotaExceeded", "plan"),
    ("rate limit exceeded", "rateLimited", "wait"),
    ("an error was encountered while running the model: CUDA error", "providerUnavailable", "try again"),
    ({"message": "not a text"}, "providerUnavailable", "try again"),
]


@pytest.fixture
def sidecar(sidecar: Sidecar) -> Sidecar:
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}})
    return sidecar


def expect(answer: dict[str, Any], told: Any, kind: str, word: str) -> None:
    assert answer["data"]["kind"] == kind, told
    assert word in answer["data"]["userMessage"], told
    assert str(told) not in str(answer), told


def test_what_stands_beside_a_status_is_understood(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    for status, told, kind, word in WITH_A_STATUS:
        server.script = sending(status, {"error": told})
        answer = sidecar.call("chat/complete", ask(server.url))
        expect(answer, told, kind, word)
        assert answer["data"]["httpStatus"] == status


def test_what_stands_in_place_of_text_is_understood(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering())
    for told, kind, word in IN_THE_STREAM:
        server.script = answering({"error": told})
        expect(sidecar.call("chat/complete", ask(server.url)), told, kind, word)
        server.script = answering(piece("Hel"), {"error": told})
        data = sidecar.call("chat/complete", ask(server.url))["data"]
        assert (data["kind"], data["partial"]) == ("streamInterrupted", "Hel")


def test_who_has_given_a_key_is_told_that_it_is_wrong(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(401, {"error": "unauthorized"}))
    data = sidecar.call("chat/complete", ask(server.url, config={"apiKey": "canary-key-999"}))["data"]
    assert data["kind"] == "authenticationFailed"
    assert "key" in data["userMessage"]
    assert "signin" not in data["userMessage"]


def test_a_path_that_is_not_there_is_not_a_model_that_is_not_there(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(404, b"404 page not found", Content_Type="text/plain"))
    data = sidecar.call("chat/complete", ask(server.url))["data"]
    assert (data["kind"], data["httpStatus"]) == ("providerRejected", 404)
    assert "not Ollama" in data["userMessage"]


def test_an_explanation_without_end_is_not_read(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(500, end=False)
        while True:
            await reply.chunk(b'{"error": "' + b"x" * 65536)

    server = serve(script)
    assert sidecar.call("chat/complete", ask(server.url))["data"]["kind"] == "providerUnavailable"
    assert server.requests[0].connection.closed.wait(5)


def test_what_waiting_does_not_mend_is_not_asked_again(start: Callable[..., Sidecar], serve: Serve) -> None:
    sidecar = start()
    server = serve(answering())
    for told, script in ((NO_MEMORY, sending(500, {"error": NO_MEMORY})), (USED_UP, sending(429, {"error": USED_UP}))):
        server.script = script
        before = len(server.requests)
        assert "data" in sidecar.call("chat/complete", ask(server.url))
        assert len(server.requests) == before + 1, told
    refused = sidecar.call("chat/complete", ask(f"http://127.0.0.1:{closed_port()}"), request_id=1)
    assert "start Ollama" in refused["data"]["userMessage"]
    assert sidecar.notifications(1) == []


def test_a_busy_server_is_asked_again(start: Callable[..., Sidecar], serve: Serve) -> None:
    hello = answering(piece("Hello"), last())

    async def script(request: Request, reply: Reply) -> None:
        first = len(server.requests) == 1
        await (sending(503, {"error": "server busy"}) if first else hello)(request, reply)

    server = serve(script)
    answer = start().call("chat/complete", ask(server.url))
    assert (answer["content"], answer["attempts"]) == ("Hello", 2)


def test_a_question_that_is_nested_too_deeply_is_not_our_error(sidecar: Sidecar, serve: Serve) -> None:
    parameters: dict[str, Any] = {}
    for _ in range(300):
        parameters = {"not": parameters}
    tool = {"name": "deep", "description": "Deep", "parameters": parameters}
    answer = sidecar.call("chat/complete", ask(serve(answering(piece("Hello"), last())).url, tools=[tool]))
    assert answer.get("data", {}).get("kind") in {"providerRejected", "invalidParams"}, answer


# Vectors


def test_texts_are_sent_in_portions_and_never_cut(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        vectors = [[float(text), 1] for text in request.json["input"]]
        await sending(200, {"embeddings": vectors, "prompt_eval_count": len(vectors)})(request, reply)

    server = serve(script)
    config = {"provider": "ollama", "endpoint": server.url, "model": "embedder"}
    result = sidecar.call("embedding/create", {"input": [str(number) for number in range(70)], "config": config})
    assert [vector[0] for vector in result["vectors"]] == list(range(70))
    assert result["usage"]["promptTokens"] == 70
    assert len(server.requests) > 1
    assert {request.json["truncate"] for request in server.requests} == {False}
    assert len({request.connection for request in server.requests}) == 1


def test_a_text_that_is_too_long_for_a_vector_is_refused(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(400, {"error": "the input length exceeds the context length"}))
    config = {"provider": "ollama", "endpoint": server.url, "model": "embedder"}
    answer = sidecar.call("embedding/create", {"input": ["x"], "config": config})
    expect(answer, "the input length", "contextWindowExceeded", "shorten")


def test_a_server_that_makes_no_vectors_in_time_is_given_up(sidecar: Sidecar, serve: Serve) -> None:
    async def script(_request: Request, reply: Reply) -> None:
        await reply.send(end=False)
        await reply.hold()

    sidecar.call("settings/update", {"limits": {"firstTokenTimeoutMs": 200}})
    server = serve(script)
    config = {"provider": "ollama", "endpoint": server.url, "model": "embedder"}
    data = sidecar.call("embedding/create", {"input": ["x"], "config": config})["data"]
    assert data["kind"] == "providerUnavailable"
    assert server.request().connection.closed.wait(5)
