"""`--exe PATH` runs the process tests against a packaged ckservice instead of the source."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.providers.process import clean_environment, program
from tests.providers.server import Server
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
    return program(request.config)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without anybody's settings, and with a data directory of its own."""
    return clean_environment(tmp_path / "data")


@pytest.fixture
def start(command: list[str], environment: dict[str, str]) -> Iterator[Callable[..., Sidecar]]:
    """Start the program under test, `through` another one if need be; every process is ended with the test."""
    with ExitStack() as stack:

        def _start(*arguments: str, through: Sequence[str] = (), **options: Any) -> Sidecar:
            env = {**environment, **options.pop("env", {})}
            return stack.enter_context(Sidecar([*through, *command, *arguments], env=env, **options))

        yield _start


@pytest.fixture(scope="session")
def _shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Sidecar]]:
    """The process that tests share, begun anew for each; another one where the last test left it in disorder."""
    running: list[Sidecar] = []
    with ExitStack() as stack:

        def _begin_anew() -> Sidecar:
            try:
                running[-1].forget()
            except (AssertionError, IndexError, OSError, ValueError):  # the last is what a closed pipe raises
                environment = clean_environment(tmp_path_factory.mktemp("shared"))
                running.append(stack.enter_context(Sidecar(program(request.config), env=environment)))
            return running[-1]

        yield _begin_anew


@pytest.fixture
def sidecar(_shared: Callable[[], Sidecar]) -> Sidecar:
    """A running program with default settings. What a test sets in it is undone; what it counts goes on counting."""
    return _shared()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Serve a script on a loopback port, with TLS if need be; every server is closed with the test."""
    with ExitStack() as stack:
        yield lambda script, tls=None: stack.enter_context(Server(script, tls))


@pytest.fixture
def start_with_test_methods(environment: dict[str, str]) -> Iterator[Callable[..., Sidecar]]:
    """Start the service with the methods of `tests/service_under_test.py` added. Source only."""
    with ExitStack() as stack:

        def _start(*, through: Sequence[str] = (), **options: Any) -> Sidecar:
            env = {**environment, **options.pop("env", {})}
            command = [*through, sys.executable, "-m", "tests.service_under_test"]
            return stack.enter_context(Sidecar(command, env=env, **options))

        yield _start
