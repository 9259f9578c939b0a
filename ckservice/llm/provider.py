"""What every provider can do."""

from collections.abc import AsyncGenerator
from typing import Protocol

from ckservice.types import ChatRequest, ModelInfo, StreamEvent


class Provider(Protocol):
    """A provider of language models, configured for one endpoint and account."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        """Answer, piece by piece; the last event is `Done`.

        Close the iterator (`contextlib.aclosing`) to stop the answer.

        Raises:
            ProviderError: the provider failed; before the first piece, or in the middle.
        """

    async def models(self) -> list[ModelInfo]:
        """The models on offer.

        Raises:
            ProviderError: they could not be listed.
        """

    async def probe(self) -> None:
        """Find out, at no cost, whether the provider can be used.

        Raises:
            ProviderError: it can't.
        """
