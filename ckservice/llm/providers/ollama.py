"""Ollama, by its own API.

https://github.com/ollama/ollama/blob/main/docs/api.md

Its OpenAI-compatible API is not used: there a prompt that is too long is cut without a word.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from ckservice import errors
from ckservice.llm import failures
from ckservice.llm.framing import Lines
from ckservice.llm.http import CONNECT_SECONDS
from ckservice.llm.provider import Access
from ckservice.llm.providers.ollama_messages import (
    SIGN_IN,
    ChatReply,
    chat_body,
    explain,
    get_model,
    model_infos,
    parse,
    usage,
    vectors,
)
from ckservice.llm.reading import head, read, read_json
from ckservice.llm.structured.dialects import OLLAMA
from ckservice.types import ChatRequest, Embedding, ModelInfo, StreamEvent, Usage
from ckservice.urls import is_http

if TYPE_CHECKING:
    import httpx2

DEFAULT_ENDPOINT = "http://127.0.0.1:11434"

_PROBE_SECONDS = 3
_BATCH = 32
"""Texts in one request for vectors: few enough that an answer is read without holding up other streams."""


class OllamaProvider:
    """One Ollama server."""

    dialect = OLLAMA

    def __init__(self, access: Access) -> None:
        self._access = access
        self._endpoint = (access.config.endpoint or DEFAULT_ENDPOINT).rstrip("/")
        self._limits = access.settings.limits

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        reply = ChatReply(request.model)
        async with (
            self._send("POST", "/api/chat", chat_body(request), model=request.model) as response,
            aclosing(read(response, Lines(), reply, provider="ollama", limits=self._limits)) as events,
        ):
            async for event in events:
                yield event

    async def models(self) -> list[ModelInfo]:
        answer = await self._ask("GET", "/api/tags", seconds=_PROBE_SECONDS)
        try:
            return model_infos(answer)
        except ValueError:
            raise failures.not_the_api("ollama") from None

    async def probe(self) -> None:
        if "version" not in await self._ask("GET", "/api/version", seconds=_PROBE_SECONDS):
            raise failures.not_the_api("ollama")

    async def embed(self, texts: Sequence[str], model: str) -> Embedding:
        found: list[list[float]] = []
        tokens = 0
        seconds = self._limits.first_token_timeout_ms / 1000
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            body = {"model": model, "input": batch, "truncate": False}
            answer = await self._ask("POST", "/api/embed", body, model=model, seconds=seconds)
            try:
                found += vectors(answer, len(batch))
                tokens += usage(answer).prompt_tokens
            except ValueError:
                raise failures.not_the_api("ollama") from None
        return Embedding(found, Usage(prompt_tokens=tokens, completion_tokens=0, total_tokens=tokens, cost_usd=0.0))

    async def count(self, request: ChatRequest) -> int | None:  # noqa: ARG002 - it has no way to ask
        return None

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, model: str = "", seconds: float
    ) -> dict[str, Any]:
        """Ask for something that comes as one JSON object."""
        await self._client()  # opening it may take a while, for which the server can't be blamed
        try:
            with anyio.fail_after(seconds):
                async with self._send(method, path, body, model=model) as response:
                    answer = await read_json(response, provider="ollama")
        except TimeoutError:
            raise failures.too_slow("ollama") from None
        if not isinstance(answer, dict):
            raise failures.not_the_api("ollama")
        return answer

    @asynccontextmanager
    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None, *, model: str
    ) -> AsyncIterator["httpx2.Response"]:
        """Send a request, and give back its answer if the status is good."""
        client = await self._client()
        import httpx2  # noqa: PLC0415 - see llm/http.py

        try:
            request = client.build_request(
                method,
                self._endpoint + path,
                content=None if body is None else _encoded(body),
                headers=self._headers(),
                timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            )
            sending = client.send(request, stream=True)
            response = await head(sending, provider="ollama", limits=self._limits)
        except (httpx2.InvalidURL, httpx2.LocalProtocolError, ValueError) as error:
            # A port that is no number, a header that is not ASCII.
            raise failures.unusable(
                "ollama", f"the endpoint or a header makes no sense ({type(error).__name__})"
            ) from None
        except httpx2.TransportError as error:
            raise failures.unreachable("ollama", self._endpoint, error) from None
        try:
            if not response.is_success:
                raise self._refusal(response, model)
            if response.status_code != httpx2.codes.OK:
                raise failures.not_the_api("ollama", response.status_code)
            yield response
        finally:
            await response.aclose()

    async def _client(self) -> "httpx2.AsyncClient":
        if not is_http(self._endpoint):
            raise failures.unusable("ollama", "the endpoint does not begin with http:// and a host")
        return await self._access.http.client(self._endpoint, self._access.settings.network, provider="ollama")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", **(self._access.config.headers or {})}
        if self._access.key is not None:
            headers["Authorization"] = f"Bearer {self._access.key}"
        return headers

    def _refusal(self, response: "httpx2.Response", model: str) -> errors.ProviderError:
        status, headers = response.status_code, response.headers
        text = _explanation(response.content)  # which is here already, see llm/http_hooks.py
        if status == 404 and (not model or text is None):
            return failures.not_the_api("ollama", status)  # it is the path that is not there
        kind, user_message, is_transient = explain(text or "") or (None, None, None)
        if kind is None and status == 404:
            user_message = get_model(model)
        elif kind is None and status in {401, 403} and self._access.key is None:
            user_message = SIGN_IN
        error = failures.from_status("ollama", status, headers, kind=kind, user_message=user_message)
        if is_transient is not None:
            error.is_transient = is_transient
        return error


def _explanation(body: bytes) -> str | None:
    """What an error says of itself; `None` where it does not speak as Ollama does."""
    try:
        told = parse(body).get("error")
    except ValueError:
        return None
    return told if isinstance(told, str) else None


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        reason = "What is to be asked of Ollama can't be put into JSON; it may be nested too deeply."
        raise errors.ProviderRejected(reason, provider="ollama") from None
