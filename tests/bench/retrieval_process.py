"""Speed of the service over its pipes, on files: wall time, whoever else is at work on the machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

from tests.bench.retrieval_repository import questions, repository
from tests.sidecar import Sidecar

Row = list[str]

_QUERIES = 100
_LONG_SECONDS = 600


def process_table(directory: Path, sizes: list[int]) -> list[Row]:
    """Milliseconds for each size; two numbers are the median and the 95th percentile."""
    columns = [_measure(directory / f"files-{size}", size) for size in sizes]
    return [
        ["wall ms, p50 / p95", *(f"{size:,} chunks" for size in sizes)],
        *([name, *(column[name] for column in columns)] for name in columns[0]),
    ]


def _measure(root: Path, size: int) -> dict[str, str]:
    for path, text in repository(size):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CKSERVICE_", "LLM_", "LOG_"))}
    env = {**kept, "CKSERVICE_DATA_DIR": str(root.with_name(f"data-{size}")), "CKSERVICE_REPO_PATH": str(root)}
    with Sidecar([sys.executable, "-m", "ckservice"], env=env) as sidecar:
        sidecar.call("health/check")
        before = _megabytes(sidecar)
        counts = _index(sidecar)
        measured = {
            "first index, s": f"{counts['durationMs'] / 1000:.2f}",
            "nothing changed": _spread([_index(sidecar)["durationMs"] for _ in range(10)]),
            "one changed file": _spread(list(_changes(sidecar, root))),
            "search": _spread([_search(sidecar, text) for text in questions(_QUERIES)]),
            "search during a full index": _spread(list(_searches_meanwhile(sidecar, root))),
            "memory before, MB": f"{before:.0f}",
            "memory at most, MB": f"{_megabytes(sidecar):.0f}",
            "on disk, MB": f"{sidecar.call('rag/status')['sizeBytes'] / 1e6:.0f}",
        }
        sidecar.end()
    return measured


def _index(sidecar: Sidecar, **params: Any) -> Any:
    sidecar.request("index", "rag/index", {"stream": False, **params})
    answer = sidecar.response("index", _LONG_SECONDS)["result"]
    sidecar.messages.clear()
    return answer


def _search(sidecar: Sidecar, text: str) -> float:
    begun = perf_counter()
    assert "sources" in sidecar.call("rag/search", {"query": text})
    return (perf_counter() - begun) * 1000


def _changes(sidecar: Sidecar, root: Path) -> Iterator[float]:
    for path in sorted(root.glob("contexts/tasks/*.yaml"))[:20]:
        with path.open("a", encoding="utf-8") as file:
            file.write("note: changed\n")
        yield _index(sidecar)["durationMs"]


def _searches_meanwhile(sidecar: Sidecar, root: Path) -> Iterator[float]:
    """Searches while everything is read again, since all files have changed, until that is done."""
    for path in (path for path in root.rglob("*.*") if path.is_file()):
        with path.open("a", encoding="utf-8") as file:
            file.write("# again\n")
    sidecar.request("again", "rag/index", {"stream": False})
    texts = questions(_QUERIES)
    number = 0
    while not any(message.get("id") == "again" for message in list(sidecar.messages)):
        yield _search(sidecar, texts[number % len(texts)])
        number += 1


def _megabytes(sidecar: Sidecar) -> float:
    """The most memory that the process has had; Linux only, elsewhere 0."""
    status = Path(f"/proc/{sidecar.process.pid}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return sum(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _spread(milliseconds: list[float]) -> str:
    if len(milliseconds) < 2:
        return "too few"
    cuts = quantiles(milliseconds, n=20, method="inclusive")
    return f"{cuts[9]:.1f} / {cuts[18]:.1f}"
