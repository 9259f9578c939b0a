"""Benchmarks of ckservice beside its peers, from a Node parent over real pipes.

Needs Node and the extra `bench` of this project; figures of CPU and memory need Linux. `retrieval` is measured by itself:
see `python -m tests.bench retrieval --help`.
"""

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

from tests.bench import report, retrieval, runs, servers
from tests.bench.gateways import codex_with_provider, gateways
from tests.bench.metrics import BENCHMARKS, MEMORY_CASES, Benchmark
from tests.bench.repositories import repositories

NAMES = [benchmark.name for benchmark in BENCHMARKS]
GROUPS = {benchmark.group for benchmark in BENCHMARKS}
SERVERS_HELP = (
    "only these of ckservice, bare, fastapi, pygls, mcp, codex; with a provider, of ckservice, ckservice-responses, "
    "ckservice-anthropic, ckservice-ollama, openai-sdk, fastapi-openai, fastapi-langchain-openai, "
    "fastapi-langchain-anthropic; with a repository, of ckservice, plain"
)
PIN_HELP = "parent and servers on one core: without the wake-up of an idle core, which dominates a short round trip"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("benchmark", nargs="?", default="all", choices=[*NAMES, "memory", *sorted(GROUPS), "all"])
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="rounds; each measures every server once")
    parser.add_argument("--command", default=shlex.join([sys.executable, "-m", "ckservice"]), help="starts ckservice")
    parser.add_argument("--servers", metavar="A,B", help=SERVERS_HELP)
    parser.add_argument("--codex", metavar="PATH", help="the codex binary, when it is not on the PATH")
    parser.add_argument("--pin", action="store_true", help=PIN_HELP)
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for the README")
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs must be 1 or more")
    if arguments.pin and sys.platform != "linux":
        parser.error("--pin needs Linux")
    return arguments


def contestants(arguments: argparse.Namespace, directory: Path) -> dict[str, list[servers.Server]]:
    """The servers to measure for each group of benchmarks, ckservice first."""
    command = shlex.split(arguments.command)
    alone = [servers.ckservice(command, directory), servers.bare(), servers.fastapi(), servers.pygls(), servers.mcp()]
    asking = gateways(command, directory)
    wanted = arguments.servers.split(",") if arguments.servers else None
    if wanted is None or "codex" in wanted:
        binary = servers.find_codex(arguments.codex)
        if binary is None:
            runs.progress("codex is skipped: it is neither on the PATH nor given with --codex", keep=True)
        else:
            alone.append(servers.codex(binary, directory))
            asking.append(codex_with_provider(binary, directory))
    reading = repositories(command, directory) if has_group(arguments.benchmark, "repository") else []
    groups = {"service": alone, "gateway": asking, "repository": reading}
    if wanted is None:
        return groups
    return {group: [server for server in members if server.name in wanted] for group, members in groups.items()}


def has_group(wanted: str, group: str) -> bool:
    """Whether something of a group is to be measured."""
    return any(benchmark.group == group and is_wanted(benchmark, wanted) for benchmark in BENCHMARKS)


def is_wanted(benchmark: Benchmark, wanted: str) -> bool:
    return wanted in {benchmark.name, benchmark.group, "all"}


def main() -> int:
    """Run what was asked for; 1 if ckservice could not be measured in all of it."""
    if sys.argv[1:2] == ["retrieval"]:
        return retrieval.main(sys.argv[2:])
    arguments = parse_arguments()
    markdown = arguments.markdown
    if arguments.pin and sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # Node and the servers inherit it
    print(report.machine_line(arguments.runs, pinned=arguments.pin), end="\n\n")
    with tempfile.TemporaryDirectory(prefix="ckservice-bench-", ignore_cleanup_errors=True) as temporary:
        directory = Path(temporary)
        groups = contestants(arguments, directory)
        own = [server for server in groups["service"] if server.name == report.OWN]
        complete = True
        for benchmark in BENCHMARKS:
            if is_wanted(benchmark, arguments.benchmark):
                chosen = groups[benchmark.group]
                results = runs.run_benchmark(benchmark, chosen, arguments.runs, directory)
                complete = complete and (not own or report.OWN in results)
                rows = report.benchmark_table(benchmark, chosen, results)
                print(report.render(f"{benchmark.name}: {benchmark.title}", rows, markdown=markdown), flush=True)
        if arguments.benchmark in {"memory", "all"} and own:
            outcomes = [(case, runs.run_memory(case, own[0], arguments.runs, directory)) for case in MEMORY_CASES]
            complete = complete and all(measured is not None for _, measured in outcomes)
            rows = report.memory_table(outcomes)
            print(report.render("memory: peak RSS minus RSS before", rows, markdown=markdown))

    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
