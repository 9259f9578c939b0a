"""The tables: medians, the best run of the first figure, and ckservice ÷ peer beside its target."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from tests.bench.metrics import Benchmark, Figure, MemoryCase
from tests.bench.runs import Results, Run, ratio
from tests.bench.servers import Server

Row = list[str]
OWN = "ckservice"
PEERS = ("mcp", "pygls", "fastapi", "uvicorn", "openai", "langchain-openai", "langchain-anthropic")


def machine_line(rounds: int, *, pinned: bool) -> str:
    """Date, cores, versions: what a reader needs to judge the figures."""
    node = subprocess.run(["node", "--version"], capture_output=True, encoding="utf-8", check=True).stdout.strip()
    peers = ", ".join(f"{name} {_version(name)}" for name in PEERS)
    cores = f"one of {os.cpu_count()} cores" if pinned else f"{os.cpu_count()} cores"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {cores}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, Node {node.removeprefix('v')}, {peers}; "
        f"medians of {rounds} interleaved runs from a Node parent. "
        f"Ratio: {OWN} ÷ this server within a round, median of the rounds (and its target)."
    )


def benchmark_table(benchmark: Benchmark, servers: Iterable[Server], results: Results) -> list[Row]:
    first = benchmark.figures[0]
    figures = [figure.heading for figure in benchmark.figures]
    compared = [figure for figure in benchmark.figures if figure is first or figure.at_most or figure.at_least]
    ratios = [f"ratio {figure.heading}" for figure in compared]
    rows = [["", *figures, f"{benchmark.best} {first.heading}", *ratios]]
    for server in servers:
        runs = results.get(server.name)
        if not runs:
            continue
        medians = [_number(median(run[figure.key] for run in runs), figure.digits) for figure in benchmark.figures]
        best = (min if benchmark.best == "min" else max)(run[first.key] for run in runs)
        comparison = [_ratio(figure, server, results) for figure in compared]
        rows.append([server.title, *medians, _number(best, first.digits), *comparison])
    return rows


def memory_table(outcomes: Iterable[tuple[MemoryCase, list[Run] | None]]) -> list[Row]:
    rows = [[OWN, "growth MB, median", "max", "target MB"]]
    for case, runs in outcomes:
        growth = [run["growthMb"] for run in runs or []]
        figures = [f"{median(growth):.1f}", f"{max(growth):.1f}"] if growth else ["failed", "failed"]
        rows.append([case.title, *figures, f"≤ {case.at_most_mb}"])
    return rows


def render(title: str, rows: list[Row], *, markdown: bool) -> str:
    """A Markdown table under a heading, or the same with its columns aligned for a terminal."""
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
        return "\n".join([f"### {title}", "", *lines, ""])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligned = [
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join([title, *(f"  {line}" for line in aligned), ""])


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "missing"


def _ratio(figure: Figure, server: Server, results: Results) -> str:
    """How ckservice compares with a peer, or how a further ckservice compares with the peer beside it."""
    own, peer = (server.name, server.beside) if server.beside else (OWN, server.name)
    if peer == OWN or not results.get(own) or not results.get(peer):
        return ""
    value = ratio(results, figure.key, own, peer)
    text = f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"
    for targets, sign, met in ((figure.at_most, "≤", value.__le__), (figure.at_least, "≥", value.__ge__)):
        if server.name in targets:
            text += f" ({sign} {targets[server.name]:g}{'' if met(targets[server.name]) else ', missed'})"
    return f"to {peer}: {text}" if server.beside else text


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"
