"""Making the vectors that an index lacks: a few requests at a time, and what is made is kept at once."""

from collections.abc import Callable
from functools import partial

import anyio

from ckservice.errors import CkserviceError
from ckservice.retrieval.embedding.embedder import Embedder
from ckservice.retrieval.storage import stored_vectors
from ckservice.retrieval.storage.stored_vectors import Text
from ckservice.retrieval.types import Tell
from ckservice.store.database import Database
from ckservice.types import Progress

_TEXTS = 32
"""Of one request: all are lost when its answer does not come, so no provider may need a second request for them."""


class Making:
    """One go at all texts that have no vector.

    Args:
        writer: of the index.
        embedder: the model.
        tell: is told how far it is, after each part that has been kept.
        refused: hashes of texts that the provider takes from nobody; they are passed over, and further ones are added.
        is_given_up: asked between two requests.
        at_once: requests that are under way at one time.

    Attributes:
        embedded: vectors that have been made.
        is_complete: whether there was nothing left in the end but what is refused.
    """

    def __init__(
        self,
        writer: Database,
        embedder: Embedder,
        tell: Tell,
        *,
        refused: set[bytes],
        is_given_up: Callable[[], bool],
        at_once: int,
    ) -> None:
        self.embedded = 0
        self.is_complete = False
        self._writer = writer
        self._embedder = embedder
        self._tell = tell
        self._refused = refused
        self._is_given_up = is_given_up
        self._at_once = at_once
        self._total = 0
        self._after = 0
        self._dimensions = 0
        self._under_way: set[bytes] = set()
        self._turn = anyio.Lock()
        self._error: CkserviceError | None = None

    async def run(self) -> None:
        """Go through all of them. After a failure no further request is made, but those under way are waited for.

        Raises:
            ProviderError: the provider failed; what was made before is kept.
            BudgetExceeded: so far, and no further.
            StorageFailed: vectors can't be kept.
        """
        before = -1
        while self.embedded > before and self._error is None:  # texts may have come, or vectors gone, meanwhile
            before, self._after = self.embedded, 0
            counts = await self._writer.run(partial(stored_vectors.count, model=self._embedder.key))
            self._total = self.embedded + counts.missing - len(self._refused)
            self.is_complete = not counts.missing
            if not self.is_complete:
                async with anyio.create_task_group() as tasks:
                    for _ in range(self._at_once):
                        tasks.start_soon(self._work)
        if self._error is not None:
            raise self._error

    async def _work(self) -> None:
        try:
            while self._error is None and not self._is_given_up():
                texts = await self._next()
                if not texts:
                    break
                await self._embed(texts)
        except CkserviceError as error:
            self._error = self._error or error

    async def _next(self) -> list[Text]:
        """The next texts, each once, those of a length together; none where that were all."""
        missing = partial(stored_vectors.missing, model=self._embedder.key, most=_TEXTS)
        async with self._turn:
            while texts := await self._writer.run(partial(missing, after=self._after)):
                self._after = max(text.chunk for text in texts)
                passed = self._refused | self._under_way
                wanted = [text for text in texts if text.text_hash not in passed]
                if wanted:
                    self._under_way.update(text.text_hash for text in wanted)
                    return sorted(wanted, key=lambda text: len(text.text))
        self.is_complete = True
        return []

    async def _embed(self, texts: list[Text]) -> None:
        vectors = await self._embedder.of_texts([text.text for text in texts])
        hashes = [text.text_hash for text in texts]
        made = [(text_hash, vector) for text_hash, vector in zip(hashes, vectors, strict=True) if vector is not None]
        self._refused.update(text_hash for text_hash, vector in zip(hashes, vectors, strict=True) if vector is None)
        for _, vector in made:
            self._dimensions = self._dimensions or len(vector)
            if len(vector) != self._dimensions:
                raise self._embedder.nonsense()
        await self._writer.run(partial(stored_vectors.store, model=self._embedder.key, vectors=made))
        self._under_way.difference_update(hashes)
        self.embedded += len(made)
        await self._tell(
            Progress("embedding", "Turning texts into vectors", self.embedded, max(self._total, self.embedded))
        )
