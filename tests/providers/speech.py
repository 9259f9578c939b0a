"""What a provider's server says and hears, whatever the provider.

An answer is made of packets, each of which holds one record: a beginning, text and the like, an end.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

MODEL = "test-model"

Packets = Sequence[bytes]
Refusal = tuple[int, Any]
"""A status and a body."""

Call = tuple[str, str, dict[str, Any]]
"""The id of a tool call, the tool, its arguments."""


class Speech(Protocol):
    """One kind of server: what it says, and what it was asked.

    Attributes:
        headers: of a stream.
        usage: what `end` tells, in our words.
        begin: what comes before the first piece.
        silence: says that the connection is alive, and nothing else.
        breaks: an error in the stream.
        refuses: the rest of an answer in which the model refuses; `None` where no model can say so.
        refusals: errors in place of an answer, by the kind that they are of; `form` is about a schema.
        models: a list of one, `MODEL`.
        ready: an answer to a probe.
        count: a prompt of 42 tokens; `None` where nobody counts.
    """

    headers: ClassVar[dict[str, str]]
    usage: ClassVar[dict[str, Any]]
    begin: ClassVar[Packets]
    silence: ClassVar[bytes]
    breaks: ClassVar[Packets]
    refuses: ClassVar[Packets | None]
    refusals: ClassVar[dict[str, Refusal]]
    models: ClassVar[dict[str, Any]]
    ready: ClassVar[dict[str, Any]]
    count: ClassVar[dict[str, Any] | None]

    def text(self, *pieces: str) -> Packets:
        """Text, whole."""

    def unfinished(self, *pieces: str) -> Packets:
        """Text of which there is more to come."""

    def reasoning(self, *pieces: str) -> Packets:
        """What the model thinks."""

    def calls(self, *calls: Call) -> Packets:
        """Calls of tools, in fragments where they come so."""

    def end(self, reason: str = "stop") -> Packets:
        """The end; `reason` is a `finishReason` of ours."""

    def refusal(self, status: int) -> Any:
        """The body of an error, with such words as go with the status."""

    def asked_form(self, body: Any) -> Any:
        """The schema that the server is to enforce."""

    def told_calls(self, body: Any) -> list[Call]:
        """The calls in the conversation that the server is told of."""

    def told_results(self, body: Any) -> list[tuple[str, str]]:
        """The results of those, each with the id of the call."""

    def vectors(self, *vectors: list[float]) -> dict[str, Any] | None:
        """An answer of two tokens that holds vectors; `None` where there are none."""
