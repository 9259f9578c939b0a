"""What every provider can do, and what it is given to do it with."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ckservice.llm.endpoint import Endpoint
from ckservice.llm.http import Http
from ckservice.llm.structured.dialects import Dialect
from ckservice.settings import ProviderConfig, Settings
from ckservice.types import ChatRequest, Embedding, ModelInfo, StreamEvent


@dataclass(frozen=True, slots=True)
class Access:
    """How one provider is reached.

    Attributes:
        config: resolved: the endpoint and key are those to use, absent where none is known.
        http: the clients to speak through.
        endpoint: what is known of the endpoint, for as long as this process lives.
        settings: those in effect.
    """

    config: ProviderConfig
    http: Http
    endpoint: Endpoint
    settings: Settings

    @property
    def key(self) -> str | None:
        """The key in plain text. Hand it to the client that sends it, and to nothing else."""
        return self.config.api_key.get_secret_value() if self.config.api_key is not None else None


class Provider(Protocol):
    """A provider of language models, opened for one endpoint and account with an `Access`.

    Opening one costs nothing and reaches nothing; it may serve any number of requests, one or many at a time.

    Attributes:
        dialect: how it takes a schema for its answer.
    """

    dialect: Dialect

    def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        """Answer, piece by piece, in one try; the last event is `Done`.

        Close the iterator (`contextlib.aclosing`) to stop the answer; the connection is then closed at once.

        Raises:
            ProviderError: the provider failed; before the first piece, or in the middle.
            FormatRefused: it can't take `request.response_format`.
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

    async def embed(self, texts: Sequence[str], model: str) -> Embedding:
        """Turn texts into vectors.

        Raises:
            ProviderError: it failed, or makes no embeddings (`ProviderNotConfigured`).
        """

    async def count(self, request: ChatRequest) -> int | None:
        """The exact number of tokens in a prompt; `None` where the provider can't tell without answering it.

        Raises:
            ProviderError: it failed.
        """
