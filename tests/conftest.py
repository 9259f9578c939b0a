"""`--exe PATH` runs the process tests against a packaged ckservice instead of the source."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.providers.server import Script, Server
from tests.sidecar import Sidecar


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exe", metavar="PATH", help="the packaged ckservice to test instead of the source")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--exe"):
        skip = pytest.mark.skip(reason="looks at the source or at Python itself, not at an exe")
        for item in items:
            if item.get_closest_marker("source"):
                item.add_marker(skip)


@pytest.fixture
def command(request: pytest.FixtureRequest) -> list[str]:
    """How to start the program under test."""
    exe = request.config.getoption("--exe")
    return [str(Path(exe).resolve())] if exe else [sys.executable, "-m", "ckservice"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without anybody's settings, and with a data directory of its own."""
    ours = ("CKSERVICE_", "LLM_", "LOG_", "OLLAMA_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "CKSERVICE_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def start(command: list[str], environment: dict[str, str]) -> Iterator[Callable[..., Sidecar]]:
    """Start the program under test, `through` another one if need be; every process is ended with the test."""
    with ExitStack() as stack:

        def _start(*arguments: str, through: Sequence[str] = (), **options: Any) -> Sidecar:
            env = {**environment, **options.pop("env", {})}
            return stack.enter_context(Sidecar([*through, *command, *arguments], env=env, **options))

        yield _start


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    """Serve a script on a loopback port; every server is closed with the test."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(Server(script))


@pytest.fixture
def start_with_test_methods(environment: dict[str, str]) -> Iterator[Callable[..., Sidecar]]:
    """Start the service with the methods of `tests/service_under_test.py` added. Source only."""
    with ExitStack() as stack:

        def _start(*, through: Sequence[str] = (), **options: Any) -> Sidecar:
            env = {**environment, **options.pop("env", {})}
            command = [*through, sys.executable, "-m", "tests.service_under_test"]
            return stack.enter_context(Sidecar(command, env=env, **options))

        yield _start
