"""To whom a key is sent, and to whom not."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from ckservice.llm.credentials import Credentials
from ckservice.types import ProviderName
from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import Sidecar, question


def test_a_redirect_takes_no_key_along(start: Callable[..., Sidecar], serve: Callable[[Script], Server]) -> None:
    async def redirecting(request: Request, reply: Reply) -> None:
        await reply.send(307, b"", {"Location": elsewhere.url + request.path})

    async def refusing(_request: Request, reply: Reply) -> None:
        await reply.send(401, b"{}")

    elsewhere, server = serve(refusing), serve(redirecting)
    sidecar = start()
    for provider in ("openai", "azure-openai", "anthropic", "ollama"):
        config = {"provider": provider, "apiKey": "canary-key", "headers": {"X-Gateway": "canary-header"}}
        each = {**config, "endpoint": server.url, "model": "m"}
        assert sidecar.call("chat/complete", question(config=each))["data"]["kind"] != "internal"
        sidecar.call("settings/update", {"config": each})
        sidecar.call("model/list", {"provider": provider})
    assert len(server.requests) == 8
    assert all("canary-key" in str(request.headers) for request in server.requests)
    assert "canary" not in str([request.headers for request in elsewhere.requests])


ENVIRONMENT: dict[ProviderName, SecretStr] = {
    "openai": SecretStr("openai-key"),
    "anthropic": SecretStr("anthropic-key"),
    "azure-openai": SecretStr("azure-key"),
}
NAMED = "https://gateway.example/v1"


@pytest.mark.parametrize(
    ("provider", "endpoint"),
    [
        ("openai", None),
        ("openai", "https://api.openai.com/v1"),
        ("openai", "https://eu.api.openai.com/v1/"),
        ("openai", "https://API.OpenAI.com"),
        ("anthropic", "https://api.anthropic.com:443"),
        ("azure-openai", "https://my-place.openai.azure.com/openai/v1"),
        ("azure-openai", "https://my-place.services.ai.azure.com"),
        ("openai", NAMED),
        ("openai", NAMED + "/"),
        ("anthropic", "http://localhost:4000"),
        ("openai", "http://127.0.0.1:1234/v1"),
        ("openai", "http://[::1]:1234/v1"),
    ],
)
async def test_a_key_of_the_environment_goes_to_whom_it_was_meant_for(
    provider: ProviderName, endpoint: str | None
) -> None:
    assert await Credentials(ENVIRONMENT, [NAMED]).find(provider, endpoint) == ENVIRONMENT[provider]


@pytest.mark.parametrize(
    ("provider", "endpoint"),
    [
        ("offline", None),
        ("ollama", None),
        ("openai", "https://evil.example/v1"),
        ("openai", "http://api.openai.com/v1"),
        ("openai", "https://api.openai.com.evil.example/v1"),
        ("openai", "https://evil-api.openai.com.example"),
        ("openai", "https://evilapi.openai.com"),
        ("openai", "https://api.openai.com@evil.example/v1"),
        ("openai", "https://api.openai.com:443@evil.example/v1"),
        ("openai", "https://api.openai.com\\@evil.example/v1"),
        ("openai", "https://evil.example#@api.openai.com"),
        ("openai", "https://evil.example?https://api.openai.com/v1"),
        ("openai", "https://user@api.openai.com/v1"),
        ("openai", "https://api.openai.com\n"),
        ("openai", "https://api.anthropic.com"),
        ("openai", "http://localhost.evil.example"),
        ("openai", "http://127.0.0.1.evil.example"),
        ("openai", "http://127.0.0.1:80@evil.example"),
        ("openai", "http://127.0.0.1#@evil.example"),
        ("openai", "http://evil.example#@127.0.0.1"),
        ("openai", "http://evil.example?@127.0.0.1"),
        ("openai", NAMED + "/elsewhere"),
        ("anthropic", "https://anthropic.com.evil.example"),
        ("azure-openai", "https://any.azure-api.net/openai"),
        ("azure-openai", "https://openai.azure.com.evil.example"),
        ("openai", ""),
    ],
)
async def test_a_key_of_the_environment_goes_nowhere_else(provider: ProviderName, endpoint: str | None) -> None:
    assert await Credentials(ENVIRONMENT, [NAMED]).find(provider, endpoint) is None
