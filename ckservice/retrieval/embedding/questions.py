"""What questions mean: asked for beside the search, which goes on without it where that takes too long."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import anyio

from ckservice.errors import ContentFiltered, ContextWindowExceeded
from ckservice.retrieval.embedding.backoff import Backoff
from ckservice.retrieval.embedding.embedder import Embedder
from ckservice.retrieval.types import StartSoon

_PATIENCE = 0.3
"""Seconds that a search waits for a vector that it can do without."""

_PAUSE = 30.0
"""Seconds for which such a vector is not asked for after a failure."""

_MOST_KEPT = 128
"""Vectors, of 3 to 24 KiB."""

_MOST_OPEN = 4
"""Vectors that are asked for at one time, and can be done without."""


@dataclass(slots=True, eq=False)
class _Asked:
    """A question that is with the provider."""

    answered: anyio.Event = field(default_factory=anyio.Event)
    vector: Sequence[float] | None = None
    error: Exception | None = None
    is_late: bool = False


class Questions:
    """Vectors of questions; the last ones are kept. For one event loop.

    Attributes:
        backoff: after failures of the provider.
        answered_at: when it last answered, on the monotonic clock, in seconds.
    """

    def __init__(self) -> None:
        self.backoff = Backoff("a question could not be embedded", first=_PAUSE, most=_PAUSE)
        self.answered_at = 0.0
        self._kept: OrderedDict[tuple[str, str], Sequence[float]] = OrderedDict()
        self._open: dict[tuple[str, str], _Asked] = {}

    async def vector(
        self, embedder: Embedder, question: str, dimensions: int, start_soon: StartSoon, *, must: bool
    ) -> Sequence[float] | None:
        """What a question means; `None` where it can be done without and does not come in time.

        Args:
            embedder: the model.
            question: the text.
            dimensions: of the vectors that it is compared with, 0 for any: where a kept one has others, it is asked for again.
            start_soon: runs the request; what comes too late is there for the next.
            must: wait for it, and raise what goes wrong.

        Raises:
            CkserviceError: `must`, and the provider failed.
        """
        name = (embedder.key, question)
        kept = self._kept.get(name)
        if kept is not None and dimensions in {0, len(kept)}:
            self._kept.move_to_end(name)
            return kept
        asked = self._open.get(name)
        if asked is None:
            if not must and (self.backoff.is_waiting or len(self._open) >= _MOST_OPEN):
                return None
            asked = self._open[name] = _Asked()
            start_soon(partial(self._ask, embedder, name, asked))
        with anyio.move_on_after(None if must else self._patience()):
            await asked.answered.wait()
        asked.is_late = not asked.answered.is_set()
        if must and asked.error is not None:
            raise asked.error
        return asked.vector

    def _patience(self) -> float:
        """None where the provider is known to fail, or to be slow at this moment: one search has waited for that."""
        is_slow = any(asked.is_late for asked in self._open.values())
        return 0.0 if is_slow or self.backoff.error is not None else _PATIENCE

    async def _ask(self, embedder: Embedder, name: tuple[str, str], asked: _Asked) -> None:
        try:
            asked.vector = array("d", await embedder.of_question(name[1]))
        except (ContentFiltered, ContextWindowExceeded) as error:  # others may be asked all the same
            asked.error = error
        except Exception as error:  # noqa: BLE001 - nobody else would catch it, and the connection has to live on
            asked.error = error
            self.backoff.failed(error)
        else:
            self.backoff.succeeded()
            self.answered_at = monotonic()
            self._kept[name] = asked.vector
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        finally:
            del self._open[name]
            asked.answered.set()
