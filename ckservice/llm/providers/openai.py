"""OpenAI, and every server that speaks one of its two APIs, through the `openai` SDK.

The SDK builds, signs and sends the requests and raises what is refused. The bytes of an answer are read here: its own
objects cost ten times as much for each token.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ckservice.llm import failures
from ckservice.llm.framing import ServerSentEvents
from ckservice.llm.provider import Access
from ckservice.llm.providers import openai_chat, openai_responses
from ckservice.llm.providers.openai_connection import Connection, Refused
from ckservice.llm.providers.openai_embeddings import batches, vectors
from ckservice.llm.providers.openai_errors import body_of, from_answer, from_stream, unsupported_parameter
from ckservice.llm.providers.openai_models import model_infos
from ckservice.llm.providers.openai_usage import usage
from ckservice.llm.providers.stop_sequences import until_stop
from ckservice.llm.reading import Reply, head, read, read_json
from ckservice.llm.structured.dialects import OPENAI
from ckservice.types import ChatRequest, Embedding, ModelInfo, ProviderName, StreamEvent, Usage
from ckservice.urls import is_http

if TYPE_CHECKING:
    import httpx2
    import openai

DEFAULT_ENDPOINT = "https://api.openai.com/v1"

_OPENAI = re.compile(r"https?://([\w-]+\.)*api\.openai\.com(:\d+)?(/|$)", re.IGNORECASE)
_LOOK_SECONDS = 10
"""For what costs the provider no thought: a list of models, a count."""

_EMBED_SECONDS = 120
_COUNTED = ("model", "input", "tools", "tool_choice", "text", "reasoning")
"""What of a question makes its prompt."""


class OpenAIProvider:
    """One account at OpenAI, or at a server that speaks as it does.

    Such a server needs no key, and is asked through Chat Completions unless the config says `responses`.
    """

    dialect = OPENAI
    name: ProviderName = "openai"

    def __init__(self, access: Access) -> None:
        self._access = access

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        if not request.model:
            raise failures.no_model(self.name)
        limits = self._access.settings.limits
        async with self._asked(request) as response:
            events = read(response, ServerSentEvents(), self._reply(request), provider=self.name, limits=limits)
            if request.stop and (self.api == "responses" or "stop" in self._refused(request.model)):
                events = until_stop(events, request)
            async with aclosing(events):
                async for event in events:
                    yield event

    async def models(self) -> list[ModelInfo]:
        answer = await self._connection.fetch("/models", seconds=_LOOK_SECONDS)
        try:
            return model_infos(answer, self.name, is_openai=self.is_openai)
        except (LookupError, TypeError):
            raise failures.not_the_api(self.name) from None

    async def probe(self) -> None:
        await OpenAIProvider.models(self)

    async def embed(self, texts: Sequence[str], model: str) -> Embedding:
        found: list[list[float]] = []
        tokens = 0
        for batch in batches(texts):
            body = {"model": model, "input": batch, "encoding_format": "float"}
            answer = await self._connection.fetch("/embeddings", body, model=model, seconds=_EMBED_SECONDS)
            try:
                found += vectors(answer, len(batch))
                tokens += usage(answer.get("usage")).prompt_tokens
            except (AttributeError, LookupError, TypeError, ValueError):
                raise failures.not_the_api(self.name) from None
        return Embedding(found, Usage(prompt_tokens=tokens, completion_tokens=0, total_tokens=tokens, cost_usd=None))

    async def count(self, request: ChatRequest) -> int | None:
        if self.api != "responses":
            return None
        body = self._body(request)
        counted = {name: body[name] for name in _COUNTED if name in body}
        answer = await self._connection.fetch(
            "/responses/input_tokens", counted, model=request.model, seconds=_LOOK_SECONDS
        )
        tokens = answer.get("input_tokens") if isinstance(answer, dict) else None
        return tokens if type(tokens) is int else None

    # What differs at Azure

    @property
    def url(self) -> str:
        """Where the paths of the API begin.

        Raises:
            ProviderNotConfigured: nowhere that could be.
        """
        endpoint = self._access.config.endpoint or DEFAULT_ENDPOINT
        if not is_http(endpoint):
            raise failures.unusable(self.name, "the endpoint does not begin with http:// or https:// and a host")
        endpoint = endpoint.rstrip("/")
        return f"{endpoint}/v1" if _OPENAI.fullmatch(endpoint) else endpoint

    @property
    def is_openai(self) -> bool:
        """Whether OpenAI itself is asked."""
        return _OPENAI.match(self.url) is not None

    @property
    def api(self) -> Literal["responses", "chat"]:
        """Which of the two APIs is spoken."""
        return self._access.config.api or ("responses" if self.is_openai else "chat")

    def _check_key(self) -> None:
        if self._access.key is None and self.is_openai and not self._signs("authorization"):
            raise failures.no_key(self.name, "OPENAI_API_KEY")

    def _create(self, http: "httpx2.AsyncClient", timeout: "httpx2.Timeout") -> "openai.AsyncOpenAI":
        import openai  # noqa: PLC0415 - `Connection.open` has imported it

        return openai.AsyncOpenAI(
            api_key=self._access.key or "",
            admin_api_key="",
            base_url=self.url,
            max_retries=0,
            http_client=http,
            timeout=timeout,
        )

    def _headers(self) -> dict[str, str]:
        return self._access.config.headers or {}

    # Asking

    @cached_property
    def _connection(self) -> Connection:
        self._check_key()
        return Connection(self._access, self.name, self.url, self._headers(), self._create)

    def _signs(self, *names: str) -> bool:
        """Whether the config has a header of its own for the key."""
        return not {name.lower() for name in self._headers()}.isdisjoint(names)

    @asynccontextmanager
    async def _asked(self, request: ChatRequest) -> AsyncIterator["httpx2.Response"]:
        """Ask, and ask again without a parameter that the model refuses; that is remembered."""
        limits = self._access.settings.limits
        path = "/responses" if self.api == "responses" else "/chat/completions"
        await self._connection.open()
        response = None
        while response is None:
            body = self._body(request)
            try:
                response = await head(self._connection.send(path, body), provider=self.name, limits=limits)
            except Refused as refusal:
                self._learn(request, body_of(refusal.raised))
                if self._body(request) == body:
                    has_form = request.response_format is not None
                    raise from_answer(self.name, refusal.raised, model=request.model, has_form=has_form) from None
        try:
            await head(self._check(response), provider=self.name, limits=limits)
            yield response
        finally:
            await response.aclose()

    def _learn(self, request: ChatRequest, error: dict[str, Any] | None) -> None:
        """Take in what the model can't do with the question, so that the next one is put in another way."""
        endpoint = self._access.endpoint
        parameter = unsupported_parameter(error)
        if parameter and self._body(request, parameter) != self._body(request):
            endpoint.refuse(request.model, parameter)
        elif error is not None and error.get("code") == "invalid_encrypted_content":
            endpoint.turns.clear()

    def _refused(self, model: str) -> Collection[str]:
        return self._access.endpoint.refused.get(model, ())

    def _body(self, request: ChatRequest, *left_out: str) -> dict[str, Any]:
        refused, turns = {*self._refused(request.model), *left_out}, self._access.endpoint.turns
        if self.api == "chat":
            return openai_chat.request_body(request, refused=refused, is_openai=self.is_openai, turns=turns)
        base_model = self._access.config.base_model
        return openai_responses.request_body(request, refused=refused, turns=turns, base_model=base_model)

    def _reply(self, request: ChatRequest) -> Reply:
        if self.api == "chat":
            return openai_chat.ChatReply(self.name, self._access.endpoint, request)
        return openai_responses.ResponsesReply(self.name, self._access.endpoint, request.model)

    async def _check(self, response: "httpx2.Response") -> None:
        """Refuse what is no stream: a web page, or JSON under status 200.

        Raises:
            ProviderError: that JSON is an error of the API, or what answers is something else.
        """
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("text/html", "application/json"):
            return
        answer = await read_json(response, provider=self.name)
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            raise from_stream(self.name, answer, has_text=False)
        raise failures.not_the_api(self.name, response.status_code)
