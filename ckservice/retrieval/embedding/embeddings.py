"""Vectors for an index: who makes them, and when those that are missing are made."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import anyio

from ckservice.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    EmbeddingsNotConfigured,
    ModelNotFound,
    ProviderError,
    ProviderUnavailable,
    StorageFailed,
)
from ckservice.retrieval.embedding.backoff import Backoff
from ckservice.retrieval.embedding.embedder import Embedder
from ckservice.retrieval.embedding.making import Making
from ckservice.retrieval.embedding.questions import Questions
from ckservice.retrieval.model import EmbeddingStatus
from ckservice.retrieval.ranking.vectors import Signs, Vector
from ckservice.retrieval.storage import stored_vectors
from ckservice.retrieval.types import StartSoon, Tell, tell_nobody
from ckservice.store.database import Database

_PAUSE = 30.0
_LONGEST_PAUSE = 600.0
"""Seconds until the provider is asked again for what nobody waits for: after the first failure, and after many."""

_OF_ANY_TEXT = (ProviderUnavailable, AuthenticationFailed, ModelNotFound)
"""What is wrong with every request: over for texts as soon as a question has been answered."""

_AT_ONCE = 8
"""Requests of those who wait: a server far away works on several, one on this machine is none the worse for it."""

_AT_ONCE_BESIDE = 1
"""Requests of those who don't: reading one answer holds up a search for a moment, and a question comes after them."""

_LOOK_AGAIN = 300.0
"""Seconds for which nothing is missing, as far as this process knows: others may write to the index, too."""


@dataclass(slots=True, eq=False)
class _Model:
    """The model that the settings name, and what has been learned of it since they do.

    Attributes:
        refused: hashes of texts that its provider takes from nobody.
        complete_at: for which version of the texts nothing was missing, and when.
        has_changed: whether it has turned out to be another one than its name says.
    """

    embedder: Embedder
    questions: Questions = field(default_factory=Questions)
    backoff: Backoff = field(
        default_factory=partial(Backoff, "texts could not be embedded", first=_PAUSE, most=_LONGEST_PAUSE)
    )
    refused: set[bytes] = field(default_factory=set)
    complete_at: tuple[int, float] | None = None
    has_changed: bool = False

    @property
    def problem(self) -> str | None:
        """Why not every text has a vector."""
        refused = f"The provider of embeddings refuses {len(self.refused)} of the texts." if self.refused else None
        return (None if self._has_recovered else self.backoff.problem) or refused

    def is_complete(self, version: int) -> bool:
        """Whether nothing is missing, as far as this process knows."""
        if self.complete_at is None:
            return False
        complete_version, at = self.complete_at
        return complete_version == version and monotonic() < at + _LOOK_AGAIN

    def is_left_alone(self) -> bool:
        """Whether a failure was a moment ago."""
        return self.backoff.is_waiting and not self._has_recovered

    @property
    def _has_recovered(self) -> bool:
        return isinstance(self.backoff.error, _OF_ANY_TEXT) and self.questions.answered_at > self.backoff.failed_at


class Embeddings:
    """The vectors of one index, and of the questions that are asked of it. For one event loop.

    Args:
        writer: for writing, and what is long.
        reader: for searching.
        embedder: gives the model of embeddings that is set, if one is: the same one as long as the settings are.

    Attributes:
        signs: of the vectors that searches go through.
    """

    def __init__(self, writer: Database, reader: Database, embedder: Callable[[], Embedder | None]) -> None:
        self.signs = Signs()
        self._writer = writer
        self._reader = reader
        self._embedder = embedder
        self._model: _Model | None = None
        self._making = anyio.Lock()

    @property
    def model(self) -> str | None:
        """Whose vectors are wanted, as `provider/model`; `None` where no provider of embeddings is set."""
        embedder = self._embedder()
        return embedder.model if embedder is not None else None

    @property
    def key(self) -> str | None:
        """What the vectors of the model are kept under; `None` where no provider of embeddings is set."""
        embedder = self._embedder()
        return embedder.key if embedder is not None else None

    async def complete(self, tell: Tell, version: int, *, must: bool = False) -> tuple[int, str | None]:
        """Make the vectors that are missing, as far as the provider does; what is made is kept.

        Args:
            tell: is told how far it is.
            version: of the texts: another one after they have changed.
            must: raise what goes wrong.

        Returns:
            How many were made, and why not all, if not.

        Raises:
            ProviderError: `must`, and there is no provider, or it failed.
            BudgetExceeded: `must`, and they might cost more than the settings allow.
            StorageFailed: they can't be kept.
        """
        model = self._now()
        if model is None:
            if must:
                raise EmbeddingsNotConfigured
            return 0, None
        embedded = 0
        async with self._making:
            while True:
                making = Making(
                    self._writer,
                    model.embedder,
                    tell,
                    refused=model.refused,
                    is_given_up=partial(self._is_outdated, model),
                    at_once=_AT_ONCE,
                )
                try:
                    await self._make(model, making, version)
                except (ProviderError, BudgetExceeded):
                    if must:
                        raise
                else:
                    model.questions.backoff.succeeded()  # who asks for all wants questions to be tried again, too
                embedded += making.embedded
                current = self._now()
                if current is None or current is model:
                    return embedded, model.problem
                model = current

    def complete_soon(self, start_soon: StartSoon, version: int) -> None:
        """Make the vectors that are missing beside the requests, unless that is going on, or failed a moment ago.

        Args:
            start_soon: runs it.
            version: see `complete`.
        """
        model = self._now()
        if model is None or model.is_complete(version) or model.is_left_alone() or self._making.locked():
            return
        start_soon(partial(self._complete_beside, version))

    async def of(self, question: str, start_soon: StartSoon, *, must: bool) -> Vector | None:
        """What a question means; `None` where that can't be known in time, or there is nothing to compare it with.

        Args:
            question: the text.
            start_soon: runs the request; what comes too late for this question is there for the next.
            must: wait for it, and raise what goes wrong.

        Raises:
            ProviderError: `must`, and there is no provider, or it failed.
            BudgetExceeded: `must`, and it might cost more than the settings allow.
            StorageFailed: the index can't be read.
        """
        model = self._now()
        if model is None and must:
            raise EmbeddingsNotConfigured
        if model is None or not question.strip():
            return None
        key = model.embedder.key
        dimensions = await self._reader.run(partial(stored_vectors.dimensions_of, model=key))
        if not dimensions and not must:
            return None
        values = await model.questions.vector(model.embedder, question, dimensions, start_soon, must=must)
        if values is None:
            return None
        if dimensions and len(values) != dimensions and not model.has_changed:
            model.has_changed, model.complete_at = True, None
            with suppress(StorageFailed):  # the answer does without
                await self._writer.run(partial(stored_vectors.begin_anew, model=key, dimensions=len(values)))
        return Vector(key, values)

    async def status(self) -> EmbeddingStatus:
        """What there is of vectors.

        Raises:
            StorageFailed: the index can't be read.
        """
        model = self._now()
        if model is None:
            return EmbeddingStatus(model=None, embedded=0, missing=0)
        counts = await self._reader.run(partial(stored_vectors.count, model=model.embedder.key))
        return EmbeddingStatus(
            model=model.embedder.model,
            embedded=counts.embedded,
            missing=counts.missing,
            problem=model.problem or model.questions.backoff.problem,
        )

    def _now(self) -> _Model | None:
        """The model that is set; what was learned of another one, or with other settings, is forgotten."""
        embedder = self._embedder()
        if embedder is None:
            self._model = None
        elif self._model is None or self._model.embedder is not embedder:
            self._model = _Model(embedder)
        return self._model

    def _is_outdated(self, model: _Model) -> bool:
        return self._now() is not model

    def _is_taken_over(self, model: _Model) -> bool:
        return self._is_outdated(model) or self._making.statistics().tasks_waiting > 0

    async def _make(self, model: _Model, making: Making, version: int) -> None:
        try:
            await making.run()
            await self._writer.run(partial(stored_vectors.note_use, model=model.embedder.key))
            if making.embedded:
                await self._writer.run(stored_vectors.prune)
        except Exception as error:
            model.backoff.failed(error)
            raise
        model.backoff.succeeded()
        if making.embedded:
            model.questions.backoff.succeeded()
        if making.is_complete:
            model.complete_at = version, monotonic()

    async def _complete_beside(self, version: int) -> None:
        """As `complete`, until somebody waits for that."""
        model = self._now()
        if model is None or self._making.locked():
            return
        async with self._making:
            making = Making(
                self._writer,
                model.embedder,
                tell_nobody,
                refused=model.refused,
                is_given_up=partial(self._is_taken_over, model),
                at_once=_AT_ONCE_BESIDE,
            )
            with suppress(Exception):  # of which the log knows; nobody else would catch it
                await self._make(model, making, version)
