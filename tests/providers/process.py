"""The program under test: how it is started, in which environment, and for many tests at once."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.sidecar import Sidecar

KEY = "canary-key-000111222"
"""The key that tests give; no byte of the program's output may hold it."""

_OURS = ("CKSERVICE_", "LLM_", "LOG_", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "AZURE_OPENAI_")
_LIBRARIES = ("anthropic", "openai", "httpx", "httpcore")


def program(config: pytest.Config) -> list[str]:
    """How to start the program under test."""
    exe = config.getoption("--exe")
    return [str(Path(exe).resolve())] if exe else [sys.executable, "-m", "ckservice"]


def clean_environment(data_directory: Path) -> dict[str, str]:
    """An environment without anybody's settings, and with a data directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "CKSERVICE_DATA_DIR": str(data_directory)}


@contextmanager
def running(
    config: pytest.Config, data: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Sidecar]:
    """One process for many tests, since the SDKs take a second to import; it never shows the key.

    Each provider is asked once, and what fails is not asked again unless a test says so.
    """
    with Sidecar(program(config), env={**clean_environment(data), **environment}) as sidecar:
        settings = {"limits": {"maxAttempts": 1}, "cache": {"mode": "off"}, "logLevel": "debug"}
        assert "code" not in sidecar.call("settings/update", settings)
        yield sidecar
        sidecar.assert_alive()
        assert sidecar.end() == 0
        shown = b"".join(sidecar.raw).decode() + "\n".join(sidecar.log)
        assert KEY not in shown
        assert not any(record["logger"].startswith(_LIBRARIES) for record in sidecar.records())
