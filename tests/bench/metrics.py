"""What each benchmark reports: the figures of one run, their units, and the targets for ckservice.

A target is a ratio, ckservice ÷ peer, within one interleaved run: absolute times say more about the machine.
"""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    key: str
    """Name of the figure in the result that Node returns."""
    heading: str
    digits: int = 0
    at_most: dict[str, float] = field(default_factory=dict)
    """Peer → largest ratio, ckservice ÷ peer, that meets the target.

    The name of a further ckservice stands for its own ratio to the peer beside it.
    """
    at_least: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    name: str
    title: str
    figures: tuple[Figure, ...]
    """The first one is the figure whose minimum (or maximum, for a rate) and ratio are reported."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Sent to Node beside the server."""
    needs: str | None = None
    """Field of Server without which a server does not take part."""
    best: str = "min"
    """What a figure's best run is: `min` for times and sizes, `max` for rates."""
    measure: str = ""
    """Name of the function in Node, where it is another than `name`."""
    gateways: tuple[str, ...] = ()
    """The servers of gateways.py that take part, by name; empty: those of servers.py take part."""

    @property
    def group(self) -> str:
        """`gateway` where a provider is asked, `repository` where one is read, else `service`."""
        return "gateway" if self.gateways else "repository" if self.needs in READING else "service"


READING = ("validate_request", "graph_request")
"""The fields of Server that ask about a context repository."""

LANGCHAIN = "fastapi-langchain-openai"
OWN_APIS = ("ckservice", "ckservice-responses", "ckservice-anthropic", "ckservice-ollama")
STREAMING_PEERS = ("openai-sdk", "fastapi-openai", LANGCHAIN, "codex")
FLOW = (
    Figure(
        key="tokensPerS",
        heading="tokens/s",
        at_least={"openai-sdk": 7, LANGCHAIN: 15, "codex": 4, "ckservice-responses": 4},
    ),
    Figure(key="cpuPerTokenUs", heading="CPU µs per token", digits=1),
    Figure(key="tokensPerNotification", heading="tokens per notification", digits=1),
)

BENCHMARKS = (
    Benchmark(
        name="startup",
        title="spawn → first answer (`initialize`; HTTP: `GET /health`)",
        figures=(
            Figure(key="wallMs", heading="wall ms", at_most={"codex": 0.6, "mcp": 0.12, "fastapi": 0.2}),
            Figure(key="cpuMs", heading="CPU ms"),
            Figure(key="rssMib", heading="RSS MiB", digits=1),
            Figure(key="readyMs", heading="then ping, ms"),
            Figure(key="idleRssMib", heading="idle RSS MiB", digits=1, at_most={"fastapi": 0.5}),
        ),
    ),
    Benchmark(
        name="ping",
        title="smallest request, one after the other",
        figures=(
            Figure(key="p50Us", heading="p50 µs", at_most={"codex": 0.4, "mcp": 0.1}),
            Figure(key="p99Us", heading="p99 µs", at_most={"codex": 0.4, "mcp": 0.1}),
            Figure(key="cpuPerPingUs", heading="CPU µs per ping", digits=1),
        ),
        arguments={"durationMs": 1_500},
    ),
    Benchmark(
        name="pipelined",
        title="smallest request, 64 in flight",
        figures=(
            Figure(key="requestsPerS", heading="requests/s", at_least={"mcp": 25, "codex": 3}),
            Figure(key="cpuPerRequestUs", heading="CPU µs per request", digits=1),
        ),
        arguments={"durationMs": 1_500, "inFlight": 64},
        best="max",
    ),
    Benchmark(
        name="tokens",
        title="a stream as fast as the host takes it",
        figures=(
            Figure(key="tokensPerS", heading="tokens/s", at_least={"fastapi": 1.5}),
            Figure(key="notificationsPerS", heading="notifications/s"),
            Figure(key="tokensPerNotification", heading="tokens per notification", digits=1),
            Figure(key="cpuPerTokenUs", heading="CPU µs per token", digits=2),
        ),
        needs="stream_request",
        best="max",
    ),
    Benchmark(
        name="cancel",
        title="cancel of a running stream → its error response",
        figures=(
            Figure(key="p50Ms", heading="p50 ms", digits=2),
            Figure(key="p95Ms", heading="p95 ms", digits=2),
        ),
        arguments={"count": 40},
        needs="slow_request",
    ),
    Benchmark(
        name="first-chat",
        title="spawn → first token of a question asked as soon as the server has greeted",
        figures=(
            Figure(
                key="wallMs",
                heading="wall ms",
                at_most={LANGCHAIN: 0.45, "ckservice-anthropic": 0.8, "ckservice-ollama": 1.0},
            ),
            Figure(key="cpuMs", heading="CPU ms"),
            Figure(
                key="rssMib", heading="then RSS MiB", digits=1, at_most={LANGCHAIN: 1.0, "ckservice-anthropic": 1.0}
            ),
        ),
        measure="firstChat",
        gateways=(*OWN_APIS, "fastapi-openai", LANGCHAIN, "fastapi-langchain-anthropic", "codex"),
    ),
    Benchmark(
        name="request",
        title="question written → question at the provider, on a warm process",
        figures=(
            Figure(key="p50Us", heading="p50 µs", at_most={"openai-sdk": 1.1}),
            Figure(key="p95Us", heading="p95 µs"),
        ),
        arguments={"rounds": 200},
        gateways=(*OWN_APIS, "openai-sdk", LANGCHAIN),
    ),
    Benchmark(
        name="upstream",
        title="provider → host as fast as it goes, 50 events in each HTTP chunk",
        figures=FLOW,
        arguments={"batch": 50},
        gateways=(*OWN_APIS, *STREAMING_PEERS),
        best="max",
    ),
    Benchmark(
        name="upstream-chunks",
        title="the same, each event in an HTTP chunk of its own",
        figures=tuple(replace(figure, at_least={}) for figure in FLOW),
        arguments={"batch": 1},
        measure="upstream",
        gateways=(*OWN_APIS, *STREAMING_PEERS),
        best="max",
    ),
    Benchmark(
        name="paced",
        title="32 streams of 50 tokens/s for 5 s: time of a token from provider to host",
        figures=(
            Figure(key="p50Us", heading="p50 µs", at_most={LANGCHAIN: 0.6}),
            Figure(key="p99Us", heading="p99 µs", at_most={LANGCHAIN: 0.02}),
            Figure(key="cpuPercent", heading="CPU % of a core", digits=1, at_most={LANGCHAIN: 0.4}),
            Figure(key="rssMib", heading="RSS MiB", digits=1),
        ),
        arguments={"streams": 32, "tokens": 250, "intervalMs": 20},
        gateways=("ckservice", *STREAMING_PEERS),
    ),
    Benchmark(
        name="upstream-cancel",
        title="cancel of a provider's stream → its error response, → the provider's connection closed",
        figures=(
            Figure(key="closedP50Ms", heading="closed p50 ms", digits=2),
            Figure(key="closedP95Ms", heading="closed p95 ms", digits=2),
            Figure(key="answerP50Ms", heading="answer p50 ms", digits=2),
            Figure(key="answerP95Ms", heading="answer p95 ms", digits=2),
        ),
        arguments={"rounds": 40},
        measure="upstreamCancel",
        gateways=OWN_APIS,
    ),
    Benchmark(
        name="cached",
        title="answer of 200 tokens from the cache, to its end",
        figures=(
            Figure(key="p50Ms", heading="p50 ms", digits=2),
            Figure(key="p95Ms", heading="p95 ms", digits=2),
        ),
        arguments={"rounds": 200, "tokens": 200},
        gateways=("ckservice",),
    ),
    Benchmark(
        name="validation",
        title="validate a repository of 1,000 entities",
        figures=(
            Figure(key="coldMs", heading="cold ms", at_most={"plain": 0.25}),
            Figure(key="spawnMs", heading="from the spawn ms"),
            Figure(key="changedMs", heading="one file changed ms", digits=1),
            Figure(key="unchangedMs", heading="nothing changed ms", digits=1),
        ),
        arguments={"rounds": 20},
        needs="validate_request",
    ),
    Benchmark(
        name="graph",
        title="graph of a repository of 10,000 entities",
        figures=(Figure(key="warmMs", heading="warm ms"), Figure(key="coldMs", heading="cold ms")),
        arguments={"rounds": 10},
        needs="graph_request",
    ),
)


@dataclass(frozen=True, kw_only=True)
class MemoryCase:
    measure: str
    title: str
    at_most_mb: int


MEMORY_CASES = (
    MemoryCase(measure="longLine", title="512 MiB line without an end", at_most_mb=40),
    MemoryCase(measure="slowHost", title="100,000 tokens, host does not read for 5 s", at_most_mb=10),
)
