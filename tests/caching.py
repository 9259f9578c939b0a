"""Questions that the response cache is used for, and a look at its file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.providers.ollama import ask
from tests.providers.server import Server
from tests.sidecar import Sidecar


def frozen(server: Server, text: str = "Hello", **params: Any) -> dict[str, Any]:
    """A question that is to be answered without chance."""
    return ask(server.url, text, **{"temperature": 0, **params})


def is_cached(sidecar: Sidecar, params: dict[str, Any]) -> bool:
    """Ask, and tell whether the answer came from the cache."""
    result = sidecar.call("chat/complete", params)
    assert "content" in result, result
    return bool(result["cached"])


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The file of the cache, beside the process that has it open."""
    with closing(sqlite3.connect(file, timeout=5)) as connection, connection:
        yield connection
