"""An answer with the pieces that it came in, so that it can be streamed once more."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from ckservice.text import Text
from ckservice.types import Answer, AnswerEvent, Progress, ReasoningDelta, TextDelta

_MOST_PIECES = 256
"""An answer that came in more is streamed in longer ones: each costs microseconds, and a hit has a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An answer and its pieces.

    Attributes:
        lengths: characters of each piece, in order: of the answer's content or, negative, of `reasoning`.
    """

    answer: Answer
    reasoning: str
    lengths: list[int]

    def events(self) -> Iterator[AnswerEvent]:
        """The stream, as that of an answer from the cache: nobody was asked, and it costs nothing."""
        said = thought = 0
        for length in self.lengths:
            if length > 0:
                yield TextDelta(self.answer.content[said : said + length])
                said += length
            else:
                yield ReasoningDelta(self.reasoning[thought : thought - length])
                thought -= length
        usage = self.answer.usage.model_copy(update={"cost_usd": 0.0})
        yield replace(self.answer, usage=usage, attempts=0, cached=True)

    def to_json(self) -> bytes | None:
        """The bytes that `from_json` reads; `None` where JSON can't hold it (half a surrogate pair, too deep)."""
        try:
            return _json().dump_json(self)
        except (PydanticSerializationError, ValueError, RecursionError):
            return None

    @staticmethod
    def from_json(data: bytes) -> "Recording | None":
        """Read bytes that may come from anywhere; `None` if they are no recording."""
        try:
            return _json().validate_json(data)
        except ValidationError:
            return None


class Recorder:
    """Takes in a stream. `is_of_a_fallback` tells that not the provider that was meant has answered."""

    def __init__(self) -> None:
        self.is_of_a_fallback = False
        self._lengths = array("q")
        self._reasoning = Text()

    def take(self, event: AnswerEvent) -> None:
        """Note an event before the last."""
        if isinstance(event, TextDelta):
            self._lengths.append(len(event.text))
        elif isinstance(event, ReasoningDelta):
            self._lengths.append(-len(event.text))
            self._reasoning.add(event.text)
        elif isinstance(event, Progress):
            self.is_of_a_fallback = self.is_of_a_fallback or event.phase == "fallback"
            # What came before a repair is no part of the answer; before anything else nothing has come.
            self._lengths, self._reasoning = array("q"), Text()

    def recording(self, answer: Answer) -> Recording:
        """What there is to keep, once the answer is whole."""
        lengths = [
            sum(piece)
            for _, run in groupby(filter(None, self._lengths), key=lambda length: length > 0)
            for piece in _grouped(list(run), -(-len(self._lengths) // _MOST_PIECES))
        ]
        said = sum(length for length in lengths if length > 0)
        if said not in (0, len(answer.content)):  # it was streamed with something around it
            lengths = [*(length for length in lengths if length < 0), len(answer.content)]
        return Recording(answer, str(self._reasoning), lengths)


def _grouped(items: list[int], size: int) -> Iterator[list[int]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@cache
def _json() -> TypeAdapter[Recording]:
    return TypeAdapter(Recording)
