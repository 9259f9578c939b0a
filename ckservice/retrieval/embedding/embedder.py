"""A model of embeddings: what is asked of it, and whether its answers make sense."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ckservice.errors import ContentFiltered, ContextWindowExceeded, ProviderRejected
from ckservice.retrieval.embedding.prompts import Prompts, prompts_for

TEXT_REFUSED = (ContextWindowExceeded, ContentFiltered, ProviderRejected)
"""What is wrong with one text, maybe, and not with others."""

_MOST_CUTS = 3
"""How often a text that is too long is halved."""

_HARMLESS = "text"


@dataclass(frozen=True, eq=False)
class Embedder:
    """A model of embeddings, and what the settings say of it; where they change, it is another one.

    Attributes:
        model: as `provider/model`.
        embed: turns texts into vectors; raises `CkserviceError`.
        account: tells apart models that their owners gave the same name.
    """

    model: str
    embed: Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
    account: str = ""

    @cached_property
    def key(self) -> str:
        """What the vectors of texts are kept under."""
        named = (self.model.removesuffix(":latest"), self.account, self._prompts.text.strip())
        return " ".join(filter(None, named))

    @cached_property
    def _prompts(self) -> Prompts:
        return prompts_for(self.model)

    async def of_question(self, question: str) -> Sequence[float]:
        """What a question means; where it is too long, its beginning.

        Raises:
            CkserviceError: the provider failed, or refuses it.
        """
        text = self._prompts.question + question
        try:
            (vector,) = await self._sound([text])
        except ContextWindowExceeded:
            shortened = await self._shortened(text)
            if shortened is None:
                raise
            return shortened
        return vector

    async def of_texts(self, texts: Sequence[str]) -> list[Sequence[float] | None]:
        """What texts mean, in their order; `None` for those that the provider takes from nobody.

        A text that is too long is known by its beginning. The less the lengths of neighbours differ, the fewer requests
        it takes to find out which those are.

        Raises:
            CkserviceError: the provider failed.
        """
        texts = [self._prompts.text + text for text in texts]
        try:
            return [*await self._sound(texts)]
        except TEXT_REFUSED:
            await self._sound([_HARMLESS])  # fails as well where it is not a text that is to be blamed
            return await self._halves(texts)

    def nonsense(self) -> ProviderRejected:
        """The error for vectors that can't be those of the texts."""
        return ProviderRejected(
            "The provider of embeddings answered with vectors that make no sense.",
            provider=self.model.partition("/")[0],
        )

    async def _each(self, texts: Sequence[str]) -> list[Sequence[float] | None]:
        try:
            return [*await self._sound(texts)]
        except TEXT_REFUSED as error:
            if len(texts) > 1:
                return await self._halves(texts)
            return [await self._shortened(texts[0]) if isinstance(error, ContextWindowExceeded) else None]

    async def _halves(self, texts: Sequence[str]) -> list[Sequence[float] | None]:
        if len(texts) == 1:
            return await self._each(texts)
        middle = len(texts) // 2
        return await self._each(texts[:middle]) + await self._each(texts[middle:])

    async def _shortened(self, text: str) -> Sequence[float] | None:
        for _ in range(_MOST_CUTS):
            text = text[: len(text) // 2]
            try:
                (vector,) = await self._sound([text])
            except ContextWindowExceeded:
                continue
            except TEXT_REFUSED:
                break
            return vector
        return None

    async def _sound(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        vectors = await self.embed(texts)
        is_one_for_each = len(vectors) == len(texts) and len(set(map(len, vectors))) == 1
        if not is_one_for_each or not all(map(_has_direction, vectors)):
            raise self.nonsense()
        return vectors


def _has_direction(vector: Sequence[float]) -> bool:
    try:
        return 0 < math.hypot(*vector) < math.inf
    except OverflowError:  # a whole number that is too large
        return False
