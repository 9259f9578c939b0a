"""Interleaved runs: every round measures each server once, so that a slow minute of the machine hits all of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.metrics import Benchmark, MemoryCase
from tests.bench.servers import Server

Run = dict[str, float]
Results = dict[str, list[Run]]
"""Server name → its runs, in the order of the rounds."""

PARENT = Path(__file__).with_name("parent.mjs")
REPOSITORY = Path(__file__).parents[2]
DEADLINE_MS = 90_000  # one measurement of one server
NODE_GRACE_S = 15  # for Node to start, kill the server and end


class MeasurementError(Exception):
    """A server did not do what the measurement asked for; the text says what."""


def environment(directory: Path) -> dict[str, str]:
    """What the servers inherit: nothing that changes how Python or ckservice runs, and a cache of byte code to write to.

    Without that cache a source tree would be compiled at every start, which no installed program is.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH" or not name.startswith(("PYTHON", "CKSERVICE_"))
    }
    return {**kept, "PYTHONPYCACHEPREFIX": str(directory / "byte-code")}


def measure(job: dict[str, Any], directory: Path) -> Run:
    """Lets a fresh Node process run `job`; what the servers write goes into `directory`.

    Raises:
        MeasurementError: the server failed, or the deadline passed.
    """
    node = shutil.which("node")
    if node is None:
        raise MeasurementError("Node is not installed")
    text = json.dumps({**job, "deadlineMs": DEADLINE_MS})
    completed = subprocess.run(
        [node, str(PARENT), text],
        cwd=REPOSITORY,
        env=environment(directory),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_MS / 1_000 + NODE_GRACE_S,
        check=False,
    )
    if completed.returncode != 0:
        raise MeasurementError(completed.stderr.strip()[-1_000:])
    result: Run = json.loads(completed.stdout)
    return result


def run_benchmark(benchmark: Benchmark, servers: list[Server], rounds: int, directory: Path) -> Results:
    """Measures A B C, A B C, …; a round before them is thrown away (byte code, page cache). A failing server drops out."""
    results: Results = {server.name: [] for server in servers if takes_part(server, benchmark)}
    for number in range(rounds + 1):
        for server in servers:
            if server.name not in results:
                continue
            progress(f"{benchmark.name} {number}/{rounds} {server.name}")
            arguments = {"count": server.token_count, **benchmark.arguments}
            try:
                run = measure(
                    {"measure": benchmark.measure or benchmark.name, "server": server.job(), **arguments}, directory
                )
            except MeasurementError as failure:
                progress(f"{benchmark.name}: {server.name} drops out: {failure}", keep=True)
                del results[server.name]
                continue
            if number > 0:
                results[server.name].append(run)
    progress("")
    return results


def takes_part(server: Server, benchmark: Benchmark) -> bool:
    if benchmark.gateways:
        return server.name in benchmark.gateways
    return benchmark.needs is None or getattr(server, benchmark.needs) is not None


def run_memory(case: MemoryCase, server: Server, rounds: int, directory: Path) -> list[Run] | None:
    """The runs of one memory case, or None (and a line on stderr) when the server did not pass it."""
    runs = []
    for number in range(1, rounds + 1):
        progress(f"memory {number}/{rounds} {case.measure}")
        try:
            job = {"measure": case.measure, "server": server.job(), "count": server.token_count}
            runs.append(measure(job, directory))
        except MeasurementError as failure:
            progress(f"{case.title}: {failure}", keep=True)
            return None
    progress("")
    return runs


def ratio(results: Results, key: str, name: str, other: str) -> float:
    """The median over the rounds of `name` ÷ `other`, each taken within its round."""
    pairs = zip(results[name], results[other], strict=True)
    return median(run[key] / peer[key] for run, peer in pairs if peer[key] > 0)


def progress(text: str, *, keep: bool = False) -> None:
    """One line on stderr: kept, or (on a terminal only) overwritten by the next one."""
    terminal = sys.stderr.isatty()
    if keep or terminal:
        sys.stderr.write(("\r\x1b[K" if terminal else "") + text + ("\n" if keep else ""))
        sys.stderr.flush()
