"""What the environment sets, and what of it is left for others to find."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.providers.server import Reply, Request, Script, Server
from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar, question

Start = Callable[..., Sidecar]

KEYS = {
    "OPENAI_API_KEY": "canary-openai-key",
    "ANTHROPIC_API_KEY": "canary-anthropic-key",
    "AZURE_OPENAI_API_KEY": "canary-azure-key",
}
FOR_LIBRARIES = {
    "ANTHROPIC_AUTH_TOKEN": "canary-token",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Canary: canary-header",
    "OPENAI_CUSTOM_HEADERS": "X-Canary: canary-header",
    "OPENAI_ORG_ID": "canary-organization",
    "AZURE_OPENAI_AD_TOKEN": "canary-token",
    "OPENAI_LOG": "debug",
    "ANTHROPIC_LOG": "debug",
}
"""What the providers' libraries would take from the environment by themselves."""


def test_each_variable_is_a_setting(start: Start) -> None:
    sidecar = start(
        env={
            "CKSERVICE_EMBEDDING_PROVIDER": "ollama",
            "CKSERVICE_EMBEDDING_MODEL": " vectors ",
            "CKSERVICE_EMBEDDING_ENDPOINT": "http://127.0.0.1:1/e",
            "CKSERVICE_CACHE_URL": "redis://user:canary-password@127.0.0.1:1/0",
            "CKSERVICE_CA_FILE": "certificates.pem",
            "AZURE_OPENAI_ENDPOINT": "https://place.openai.azure.com",
        },
        cwd=ROOT,
    )
    settings = sidecar.call("settings/get")
    embedding = settings["embedding"]
    assert (embedding["provider"], embedding["model"], embedding["endpoint"]) == (
        "ollama",
        "vectors",
        "http://127.0.0.1:1/e",
    )
    assert settings["cache"]["url"] == "redis://127.0.0.1:1/0"
    assert settings["network"]["caFile"] == str(ROOT / "certificates.pem")
    assert settings["config"]["endpoint"] is None  # that of Azure is used for Azure alone
    assert b"canary" not in b"".join(sidecar.raw)


@pytest.mark.parametrize("name", ["CKSERVICE_EMBEDDING_PROVIDER", "CKSERVICE_PROVIDER"])
def test_a_provider_that_is_none_is_refused(start: Start, name: str) -> None:
    sidecar = start(env={name: "acme"})
    assert sidecar.exit_code() == 10
    assert "acme" not in sidecar.log[-1]


async def refusing(_request: Request, reply: Reply) -> None:
    await reply.send(401, b"{}")


def test_a_key_and_an_endpoint_of_the_environment_are_used_together(
    start: Start, serve: Callable[[Script], Server]
) -> None:
    server = serve(refusing)
    sidecar = start(env={**KEYS, **FOR_LIBRARIES, "AZURE_OPENAI_ENDPOINT": server.url})
    for config in (
        {"provider": "azure-openai"},
        {"provider": "anthropic", "endpoint": server.url},
        {"provider": "openai", "endpoint": server.url},
    ):
        sidecar.call("chat/complete", question(config={**config, "model": "m"}))
    azure, anthropic, openai = (dict(request.headers) for request in server.requests)
    assert azure["api-key"] == KEYS["AZURE_OPENAI_API_KEY"]
    assert KEYS["ANTHROPIC_API_KEY"] in (anthropic.get("x-api-key"), anthropic.get("authorization", "")[7:])
    assert openai["authorization"] == f"Bearer {KEYS['OPENAI_API_KEY']}"
    assert str([azure, anthropic, openai]).count("canary") == 3  # each has its own, and nothing else


@pytest.mark.source
def test_no_library_and_no_child_process_finds_a_key(start_with_test_methods: Start) -> None:
    secret = "redis://:canary-password@127.0.0.1:1/0"
    sidecar = start_with_test_methods(env={**KEYS, **FOR_LIBRARIES, "CKSERVICE_CACHE_URL": secret})
    left = sidecar.call("test/environment")["text"].split()
    assert "PATH" in left
    assert not {*KEYS, *FOR_LIBRARIES, "CKSERVICE_CACHE_URL"} & set(left)


def test_a_command_hands_the_keys_on_to_the_service_that_it_starts(
    command: list[str], environment: dict[str, str], serve: Callable[[Script], Server]
) -> None:
    server = serve(refusing)
    env = {**environment, **KEYS, "CKSERVICE_PROVIDER": "openai", "CKSERVICE_ENDPOINT": server.url}
    asked = [*command, "call", "health/ready"]
    subprocess.run(asked, env=env, cwd=ROOT, timeout=WAIT_SECONDS, capture_output=True, check=True)
    assert server.request().headers["authorization"] == f"Bearer {KEYS['OPENAI_API_KEY']}"


@pytest.mark.source
def test_with_all_of_it_the_handshake_is_answered_before_anything_heavy_is_imported(
    environment: dict[str, str], tmp_path: Path
) -> None:
    env = {
        **environment,
        **KEYS,
        "CKSERVICE_PROVIDER": "openai",
        "CKSERVICE_TEMPERATURE": "0.5",
        "CKSERVICE_MAX_TOKENS": "7",
        "CKSERVICE_EMBEDDING_PROVIDER": "ollama",
        "CKSERVICE_CACHE_URL": "redis://127.0.0.1:1/0",
        "CKSERVICE_CA_FILE": os.devnull,
        "CKSERVICE_LOG_LEVEL": "debug",
        "AZURE_OPENAI_ENDPOINT": "https://place.openai.azure.com",
        "OLLAMA_HOST": "127.0.0.1:1",
    }
    client: dict[str, Any] = {"protocolVersion": 1, "clientInfo": {"name": "tests", "version": "1"}}
    asked = tmp_path / "input"
    asked.write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}) + "\n")
    with asked.open("rb") as file:  # one file for both outputs keeps the order in which they were written
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "ckservice"],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=ROOT,
            timeout=WAIT_SECONDS,
            check=True,
        )
    lines = done.stdout.splitlines()
    answered = next(place for place, line in enumerate(lines) if line.startswith(b'{"jsonrpc"'))
    for module in (b"asyncio", b"pydantic", b"ckservice.settings", b"ckservice.app"):
        assert answered < next(place for place, line in enumerate(lines) if line.endswith(b" " + module)), module
    assert b"canary" not in done.stdout
