"""Stop sequences for providers that know none: the answer is cut here, before the first of them."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ckservice.llm.estimate import estimate_text, estimate_tokens
from ckservice.text import Text
from ckservice.types import ChatRequest, Done, StreamEvent, TextDelta, Usage


async def until_stop(events: AsyncGenerator[StreamEvent], request: ChatRequest) -> AsyncGenerator[StreamEvent]:
    """Pass an answer on up to the first of the request's stop sequences, and end it there.

    Where it is ended the provider does not tell what it has counted: the usage is then an estimate.
    """
    sequences = _Sequences(request.stop)
    passed = Text()
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta):
                if text := sequences.take(event.text):
                    passed.add(text)
                    yield TextDelta(text)
                if sequences.is_found:
                    break
            else:
                if isinstance(event, Done) and sequences.held:
                    yield TextDelta(sequences.held)
                yield event
    if sequences.is_found:
        prompt_tokens, completion_tokens = estimate_tokens(request), estimate_text(str(passed))
        usage = Usage(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            total_tokens=prompt_tokens + completion_tokens,
            cost_usd=None,
        )
        yield Done("stop", usage)


class _Sequences:
    """Looks for sequences in text that comes in pieces.

    Attributes:
        held: the text that may turn out to be the beginning of one.
        is_found: whether one has come.
    """

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self.held = ""
        self.is_found = False
        self._sequences = sequences
        self._any = re.compile("|".join(map(re.escape, sequences)))
        self._longest = max(map(len, sequences))

    def take(self, piece: str) -> str:
        """As much of the text so far as can be passed on."""
        text = self.held + piece
        found = self._any.search(text)
        if found is not None:
            self.is_found = True
            return text[: found.start()]
        place = max(0, len(text) - self._longest + 1)
        while place < len(text) and not any(sequence.startswith(text[place:]) for sequence in self._sequences):
            place += 1
        self.held = text[place:]
        return text[:place]
