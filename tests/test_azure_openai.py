"""Azure OpenAI: two kinds of address, and what is different there."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.providers import chat_completions as chat
from tests.providers.openai import HELLO, KEY, answering, completed, refusing, running, sending, text, tool_call
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, question

Serve = Callable[[Script], Server]

TOOL = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}
HI = [chat.with_choices(), chat.chunk("", role="assistant"), chat.chunk("Hel"), chat.chunk("lo"), *chat.END]
FILTERED = refusing("content_filter", param="prompt", message="The response was filtered")
FILTERED["error"]["innererror"] = {"code": "ResponsibleAIPolicyViolation"}


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def config(endpoint: str, **members: Any) -> dict[str, Any]:
    given = {"provider": "azure-openai", "model": "my deployment", "endpoint": endpoint, "apiKey": KEY, **members}
    return {name: value for name, value in given.items() if value is not None}


def ask(sidecar: Sidecar, endpoint: str, *, members: dict[str, Any] | None = None, **params: Any) -> Any:
    return sidecar.call("chat/complete", question(config=config(**{"endpoint": endpoint, **(members or {})}), **params))


# v1


@pytest.mark.parametrize("tail", ["/openai/v1", "/openai/v1/"])
def test_v1_is_asked_as_openai_is(sidecar: Sidecar, serve: Serve, tail: str) -> None:
    server = serve(answering(*HELLO))
    result = ask(sidecar, server.url + tail, members={"apiVersion": "2024-10-21"}, maxTokens=9)
    assert (result["content"], result["provider"], result["model"]) == ("Hello", "azure-openai", "my deployment")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/openai/v1/responses")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "of-the-environment" not in request.headers.values()
    assert (request.json["model"], request.json["max_output_tokens"]) == ("my deployment", 9)


def test_the_model_behind_a_deployment_tells_what_it_can_do(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    ask(sidecar, f"{server.url}/openai/v1", members={"baseModel": "gpt-6-luna"})
    ask(sidecar, f"{server.url}/openai/v1")
    assert [request.json.get("reasoning") for request in server.requests] == [{"summary": "auto"}, None]


def test_tool_calls_come_from_v1(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*text("Wait."), *tool_call("c1", "find", "{", "}"), completed()))
    result = ask(sidecar, f"{server.url}/openai/v1", tools=[TOOL])
    assert result["toolCalls"] == [{"id": "c1", "name": "find", "arguments": {}}]


def test_v1_counts_prompts(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(sending(200, {"input_tokens": 42}))
    params = {"text": "Hello", "config": config(f"{server.url}/openai/v1")}
    assert sidecar.call("token/count", params) == {"tokens": 42, "exact": True}
    assert server.requests[0].path == "/openai/v1/responses/input_tokens"


# Dated


@pytest.mark.parametrize(
    ("tail", "version", "sent"),
    [
        ("", None, "2024-12-01-preview"),
        ("/", "2024-10-21", "2024-10-21"),
        ("/openai", None, "2024-12-01-preview"),
        ("/gateway/", None, "2024-12-01-preview"),
    ],
)
def test_a_dated_version_stands_in_the_address(
    sidecar: Sidecar, serve: Serve, tail: str, version: str | None, sent: str
) -> None:
    server = serve(chat.answering(*HI))
    result = ask(sidecar, server.url + tail, members={"apiVersion": version}, maxTokens=9)
    assert (result["content"], result["finishReason"], result["usage"]) == ("Hello", "stop", chat.USAGE)
    (request,) = server.requests
    path = f"{'/gateway' if 'gateway' in tail else ''}/openai/deployments/my%20deployment/chat/completions"
    assert (request.method, request.path) == ("POST", f"{path}?api-version={sent}")
    assert request.headers["api-key"] == KEY
    assert "authorization" not in request.headers
    assert "of-the-environment" not in request.headers.values()
    assert request.json["max_completion_tokens"] == 9


def test_chunks_without_a_delta_occur(sidecar: Sidecar, serve: Serve) -> None:
    bare = chat.with_choices({"index": 0, "finish_reason": None, "content_filter_results": {}})
    server = serve(chat.answering(HI[0], bare, *HI[1:4], bare, *HI[4:]))
    assert ask(sidecar, server.url)["content"] == "Hello"


def test_the_config_says_which_api_a_deployment_speaks(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    assert ask(sidecar, server.url, members={"api": "responses"})["content"] == "Hello"
    assert server.requests[0].path == "/openai/responses?api-version=2024-12-01-preview"
    server.script = chat.answering(*HI)
    assert ask(sidecar, f"{server.url}/openai/v1", members={"api": "chat"})["content"] == "Hello"
    assert server.requests[1].path == "/openai/v1/chat/completions"


def test_a_token_in_a_header_stands_for_a_key(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(chat.answering(*HI))
    members = {"apiKey": None, "headers": {"Authorization": "Bearer entra-token"}}
    assert ask(sidecar, server.url, members=members)["content"] == "Hello"
    headers = server.requests[0].headers
    assert (headers["authorization"], headers.get("api-key")) == ("Bearer entra-token", None)


# API Management


@pytest.mark.parametrize("tail", ["", "/openai/v1"])
def test_api_management_wants_the_key_as_a_subscription_key(
    start: Callable[..., Sidecar], serve: Serve, tail: str
) -> None:
    """The proxy of the environment stands for the gateway, whose name leads nowhere."""
    server = serve(sending(401, {"statusCode": 401, "message": "Access denied due to invalid subscription key."}))
    proxied = {"HTTP_PROXY": server.url, "http_proxy": server.url, "NO_PROXY": "", "no_proxy": ""}
    sidecar = start(env=proxied)
    error = ask(sidecar, f"http://mine.azure-api.net{tail}")
    assert error["data"]["kind"] == "authenticationFailed"
    assert server.requests[0].headers["ocp-apim-subscription-key"] == KEY
    own = {"headers": {"ocp-apim-subscription-key": "another"}}
    ask(sidecar, f"http://mine.azure-api.net{tail}", members=own)
    assert server.requests[1].headers["ocp-apim-subscription-key"] == "another"


def test_others_get_no_subscription_key(sidecar: Sidecar, serve: Serve) -> None:
    server = serve(answering(*HELLO))
    ask(sidecar, f"{server.url}/azure-api.net/openai/v1")
    assert "ocp-apim-subscription-key" not in server.requests[0].headers


# When something is wrong


def test_what_is_missing_is_named(sidecar: Sidecar) -> None:
    for members, variable in (
        ({"endpoint": None}, "AZURE_OPENAI_ENDPOINT"),
        ({"apiKey": None}, "AZURE_OPENAI_API_KEY"),
    ):
        error = ask(sidecar, "http://127.0.0.1:9", members=members)
        assert error["data"]["kind"] == "providerNotConfigured"
        assert variable in error["data"]["userMessage"]
    error = ask(sidecar, "http://127.0.0.1:9", members={"model": None})
    assert error["data"]["kind"] == "providerNotConfigured"
    assert "model" in error["data"]["userMessage"]


@pytest.mark.parametrize("tail", ["", "/openai/v1"])
@pytest.mark.parametrize(
    "wrong",
    [
        (400, FILTERED, "contentFiltered"),
        (
            401,
            {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}},
            "authenticationFailed",
        ),
        (
            404,
            {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}},
            "modelNotFound",
        ),
        (404, {"error": {"code": "404", "message": "Resource not found"}}, "providerRejected"),
        (404, {"statusCode": 404, "message": "Resource not found"}, "providerRejected"),
        (429, {"error": {"code": "429", "message": "Requests have exceeded the call rate limit."}}, "rateLimited"),
        (429, {"error": {"code": "insufficient_quota", "message": "-"}}, "quotaExceeded"),
        (400, refusing("context_length_exceeded", param="messages"), "contextWindowExceeded"),
        (408, {"error": {"code": "Timeout", "message": "The operation was timeout."}}, "providerUnavailable"),
        (500, {"error": {"code": "InternalServerError", "message": "-"}}, "providerUnavailable"),
    ],
)
def test_an_error_has_its_kind(sidecar: Sidecar, serve: Serve, tail: str, wrong: tuple[int, Any, str]) -> None:
    status, body, kind = wrong
    data = ask(sidecar, serve(sending(status, body)).url + tail)["data"]
    assert (data["kind"], data["provider"], data["httpStatus"]) == (kind, "azure-openai", status)
    if kind == "modelNotFound":
        assert 'deployment "my deployment"' in data["userMessage"]


def test_a_parameter_that_a_deployment_refuses_is_left_out(sidecar: Sidecar, serve: Serve) -> None:
    async def script(request: Request, reply: Reply) -> None:
        refusal = sending(400, refusing("unsupported_value", param="temperature"))
        await (refusal if "temperature" in request.json else chat.answering(*HI))(request, reply)

    server = serve(script)
    assert ask(sidecar, server.url, temperature=0.5)["content"] == "Hello"
    assert len(server.requests) == 2


# Beside the answers


@pytest.mark.parametrize(
    ("tail", "path"), [("", "/openai/models?api-version=2024-12-01-preview"), ("/openai/v1", "/openai/v1/models")]
)
def test_the_deployment_is_the_model_on_offer(sidecar: Sidecar, serve: Serve, tail: str, path: str) -> None:
    listed = [{"id": name, "object": "model"} for name in ("gpt-6-luna", "whisper")]
    server = serve(sending(200, {"data": listed}))
    sidecar.call("settings/update", {"config": config(server.url + tail, baseModel="gpt-6-luna")})
    result = sidecar.call("model/list", {"provider": "azure-openai"})
    (model,) = result["models"]
    assert (model["id"], model["provider"], model["supportsTools"]) == ("my deployment", "azure-openai", True)
    assert server.requests[0].path == path
    assert sidecar.call("health/ready")["ready"] is True
    sidecar.call("settings/update", {"config": {"model": None, "baseModel": None}})
    result = sidecar.call("model/list", {"provider": "azure-openai"})
    assert [model["id"] for model in result["models"]] == ["gpt-6-luna", "whisper"]


@pytest.mark.parametrize(
    ("tail", "path"),
    [
        ("", "/openai/deployments/embedder/embeddings?api-version=2024-12-01-preview"),
        ("/openai/v1", "/openai/v1/embeddings"),
    ],
)
def test_texts_become_vectors(sidecar: Sidecar, serve: Serve, tail: str, path: str) -> None:
    data = [{"index": place, "embedding": [place, 0.5]} for place in (1, 0)]
    server = serve(sending(200, {"data": data, "usage": {"prompt_tokens": 2, "total_tokens": 2}}))
    embedder = config(server.url + tail, model="embedder")
    result = sidecar.call("embedding/create", {"input": ["a", "b"], "config": embedder})
    assert result["vectors"] == [[0, 0.5], [1, 0.5]]
    assert server.requests[0].path == path
    assert json.loads(server.requests[0].body)["encoding_format"] == "float"
