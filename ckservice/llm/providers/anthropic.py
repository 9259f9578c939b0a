"""Anthropic, through its SDK: that builds the requests, signs them and sends them; the bytes of answers are read here.

https://platform.claude.com/docs/en/api/sdks/python

The SDK would also look for tokens, profiles on disk and tracers to tell. Nobody sees those in the settings: it is given
all that it would look for, and `environment.withhold` has left it no variables of its own.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ckservice import errors
from ckservice.imports import load
from ckservice.llm import failures
from ckservice.llm.framing import ServerSentEvents
from ckservice.llm.http import CONNECT_SECONDS
from ckservice.llm.provider import Access
from ckservice.llm.providers.anthropic_messages import DISPENSABLE, prompt, request_body
from ckservice.llm.providers.anthropic_reply import Reply, kind_of
from ckservice.llm.reading import head, read, read_json
from ckservice.llm.structured.dialects import ANTHROPIC
from ckservice.types import ChatRequest, Embedding, ModelInfo, StreamEvent
from ckservice.urls import is_http

if TYPE_CHECKING:
    import httpx2
    from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, AsyncAPIResponse

    Call = Callable[[AsyncAnthropic], AbstractAsyncContextManager[AsyncAPIResponse[Any]]]

DEFAULT_ENDPOINT = "https://api.anthropic.com"

_FETCH_SECONDS = 10


class AnthropicProvider:
    """One account at Anthropic, or at a gateway that speaks its API."""

    dialect = ANTHROPIC

    def __init__(self, access: Access) -> None:
        self._access = access
        self._url = (access.config.endpoint or DEFAULT_ENDPOINT).rstrip("/").removesuffix("/v1")
        self._opened: AsyncAnthropic | None = None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        _check_model(request)
        limits = self._access.settings.limits
        await self._client()  # importing the SDK may take a while, for which the server can't be blamed
        async with AsyncExitStack() as stack:
            opening = stack.enter_async_context(self._answer(request))
            response = await head(opening, provider="anthropic", limits=limits)
            if "text/event-stream" not in response.headers.get("content-type", "text/event-stream").lower():
                raise failures.not_the_api("anthropic", response.status_code)
            reply = Reply(request, self._access.endpoint, response.headers.get("request-id"))
            events = read(response, ServerSentEvents(), reply, provider="anthropic", limits=limits)
            await stack.enter_async_context(aclosing(events))
            async for event in events:
                yield event

    async def models(self) -> list[ModelInfo]:
        listed = (await self._list(1000)).get("data")
        if not isinstance(listed, list):
            raise failures.not_the_api("anthropic")
        try:
            return [_model_info(entry) for entry in listed]
        except (AttributeError, LookupError, TypeError, ValueError):
            raise failures.not_the_api("anthropic") from None

    async def probe(self) -> None:
        if "data" not in await self._list(1):
            raise failures.not_the_api("anthropic")

    async def embed(self, texts: Sequence[str], model: str) -> Embedding:  # noqa: ARG002 - there are none
        raise errors.ProviderNotConfigured(
            "Anthropic makes no embeddings.",
            provider="anthropic",
            user_message="Anthropic offers no embeddings; choose openai, azure-openai or ollama for them in the settings.",
        )

    async def count(self, request: ChatRequest) -> int:
        _check_model(request)
        asked = prompt(request, self._access.endpoint)
        answer = await self._fetch(
            lambda client: client.messages.with_streaming_response.count_tokens(**asked), request
        )
        tokens = answer.get("input_tokens")
        if not isinstance(tokens, int):
            raise failures.not_the_api("anthropic")
        return tokens

    @asynccontextmanager
    async def _answer(self, request: ChatRequest) -> AsyncIterator["httpx2.Response"]:
        """Ask, and once more if that has shown that the model refuses a parameter."""
        async with AsyncExitStack() as stack:
            body = request_body(request, self._access.endpoint)
            try:
                response = await stack.enter_async_context(self._create(request, body))
            except errors.ProviderRejected:
                shorter = request_body(request, self._access.endpoint)
                if shorter == body:
                    raise
                response = await stack.enter_async_context(self._create(request, shorter))
            yield response

    def _create(self, request: ChatRequest, body: dict[str, Any]) -> AbstractAsyncContextManager["httpx2.Response"]:
        return self._ask(lambda client: client.messages.with_streaming_response.create(**body), request)

    async def _list(self, limit: int) -> dict[str, Any]:
        return await self._fetch(lambda client: client.models.with_streaming_response.list(limit=limit))

    async def _fetch(self, call: "Call", request: ChatRequest | None = None) -> dict[str, Any]:
        """An answer that comes in one piece."""
        await self._client()
        try:
            with anyio.fail_after(_FETCH_SECONDS):
                async with self._ask(call, request) as response:
                    answer = await read_json(response, provider="anthropic")
        except TimeoutError:
            raise failures.too_slow("anthropic") from None
        if not isinstance(answer, dict):
            raise failures.not_the_api("anthropic")
        return answer

    @asynccontextmanager
    async def _ask(self, call: "Call", request: ChatRequest | None) -> AsyncIterator["httpx2.Response"]:
        """Send a request, and open its answer once that has begun."""
        client = await self._client()
        import anthropic  # noqa: PLC0415 - `_client` has loaded it

        async with AsyncExitStack() as stack:
            try:
                response = (await stack.enter_async_context(call(client))).http_response
            except anthropic.APIStatusError as raised:
                raise self._refused(raised, request) from None
            except anthropic.APIConnectionError as error:
                raise self._unreachable(error) from None
            except (RecursionError, ValueError) as error:  # JSON nested too deeply, or half a surrogate pair
                reason = f"Anthropic can't be asked: the request makes no sense: {type(error).__name__}."
                raise errors.ProviderRejected(reason, provider="anthropic") from None
            self._access.endpoint.note_limits(response.headers)
            yield response

    async def _client(self) -> "AsyncAnthropic":
        """The SDK's client; kept, since a new one finds out in a thread what machine it runs on."""
        if self._opened is not None:
            return self._opened
        config = self._access.config
        if self._access.key is None and not config.headers:
            raise failures.no_key("anthropic", "ANTHROPIC_API_KEY")
        if not is_http(self._url):
            raise failures.unusable("anthropic", "the endpoint does not begin with https:// and a host")
        http = await self._access.http.client(self._url, self._access.settings.network, provider="anthropic")
        await load("anthropic")
        import httpx2  # noqa: PLC0415 - see llm/http.py

        try:
            self._opened = _open(self._url, self._access.key, config.headers or {}, http)
        except (httpx2.InvalidURL, ValueError) as error:
            raise failures.unusable("anthropic", f"the endpoint makes no sense: {type(error).__name__}") from None
        return self._opened

    def _unreachable(self, error: "APIConnectionError") -> errors.ProviderError:
        import httpx2  # noqa: PLC0415 - see llm/http.py

        if isinstance(error.__cause__, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol | ValueError):
            return failures.unusable("anthropic", f"a header makes no sense: {type(error.__cause__).__name__}")
        return failures.unreachable("anthropic", self._url, error)

    def _refused(self, raised: "APIStatusError", request: ChatRequest | None) -> errors.ProviderError:
        """The error for a status, after what can be learned from it for the next request."""
        endpoint, status, headers = self._access.endpoint, raised.status_code, raised.response.headers
        endpoint.note_limits(headers)
        error = raised.body.get("error") if isinstance(raised.body, dict) else None
        if status == 404 and (not isinstance(error, dict) or request is None):
            return failures.not_the_api("anthropic", status)
        error = error if isinstance(error, dict) else {}
        kind = kind_of(error, is_strict=request is not None and request.strict)
        if status == 400 and request is not None:
            for parameter in DISPENSABLE:
                if parameter in str(error.get("message")):
                    endpoint.refuse(request.model, parameter)
        return failures.from_status("anthropic", status, headers, kind=kind)


def _open(url: str, key: str | None, headers: Mapping[str, str], http: "httpx2.AsyncClient") -> "AsyncAnthropic":
    """The SDK's client for an account."""
    import anthropic  # noqa: PLC0415 - `_client` has loaded it
    import httpx2  # noqa: PLC0415 - see llm/http.py

    for name in ("anthropic", "httpx2"):  # below that they tell what is asked and answered
        logging.getLogger(name).setLevel(logging.WARNING)
    own: dict[str, Any] = dict(headers)
    if key is None and "authorization" not in {name.lower() for name in own}:
        own["Authorization"] = anthropic.omit
    return anthropic.AsyncAnthropic(
        api_key=key or "",
        base_url=url,
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),  # each wait has its own bound, here or in llm/reading.py
        max_retries=0,
        default_headers=own,
        http_client=http,
        open_telemetry=False,
    )


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    """A model as the SDK's `ModelInfo` has it. All of them call tools."""
    structured = ((entry.get("capabilities") or {}).get("structured_outputs") or {}).get("supported")
    return ModelInfo(
        id=entry["id"],
        name=entry.get("display_name") or entry["id"],
        provider="anthropic",
        context_window=entry.get("max_input_tokens"),
        max_output_tokens=entry.get("max_tokens"),
        supports_streaming=True,
        supports_tools=True,
        supports_structured_output=structured,
    )


def _check_model(request: ChatRequest) -> None:
    if not request.model:
        raise failures.no_model("anthropic")
