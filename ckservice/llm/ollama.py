"""Ollama, by its own API.

https://github.com/ollama/ollama/blob/main/docs/api.md

Its OpenAI-compatible API is not used: there a prompt that is too long is cut without a word.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import orjson

from ckservice import errors
from ckservice.llm.http import CONNECT_SECONDS, SILENCE_SECONDS, Http, lines, retry_after, shown
from ckservice.llm.ollama_messages import Answer, model_info, not_ollama, parse, request_body
from ckservice.settings import ProviderConfig
from ckservice.types import ChatRequest, ModelInfo, StreamEvent

if TYPE_CHECKING:
    import httpx2

DEFAULT_ENDPOINT = "http://127.0.0.1:11434"

_ENDPOINT = re.compile(r"https?://[^/\s]+", re.IGNORECASE)
_PROBE_SECONDS = 3
_FINISH_SECONDS = 0.1
_STATUS_ERRORS: dict[int, type[errors.ProviderError]] = {
    401: errors.AuthenticationFailed,
    403: errors.AuthenticationFailed,
    404: errors.ModelNotFound,
    408: errors.ProviderUnavailable,
    413: errors.ContextWindowExceeded,
    429: errors.RateLimited,
}


class OllamaProvider:
    """One Ollama server."""

    def __init__(self, config: ProviderConfig, http: Http) -> None:
        self._endpoint = (config.endpoint or DEFAULT_ENDPOINT).rstrip("/")
        self._http = http
        self._headers = {"Content-Type": "application/json", **(config.headers or {})}
        if config.api_key is not None:
            self._headers["Authorization"] = f"Bearer {config.api_key.get_secret_value()}"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent]:
        if not request.model:
            user_message = "No model is chosen for Ollama; choose one in the settings."
            raise errors.ProviderNotConfigured(
                "No model is named for Ollama.", provider="ollama", user_message=user_message
            )
        answer = Answer()
        async with (
            self._send("POST", "/api/chat", orjson.dumps(request_body(request)), model=request.model) as response,
            aclosing(self._lines(response)) as received,
        ):
            async for line in received:
                for event in answer.take(line):
                    yield event
                if answer.is_done:
                    await _finish(received)
                    break
        yield answer.end()

    async def models(self) -> list[ModelInfo]:
        async with self._send("GET", "/api/tags", silence_seconds=_PROBE_SECONDS) as response:
            answer = parse(await self._read_whole(response))
        listed = answer.get("models", "missing") or []  # a server without models may say null
        if not isinstance(listed, list):
            raise not_ollama()
        return [model_info(entry) for entry in listed if isinstance(entry, dict) and isinstance(entry.get("name"), str)]

    async def probe(self) -> None:
        async with self._send("GET", "/api/version", silence_seconds=_PROBE_SECONDS) as response:
            answer = parse(await self._read_whole(response))
        if "version" not in answer:
            raise not_ollama()

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        model: str = "",
        silence_seconds: float = SILENCE_SECONDS,
    ) -> AsyncIterator["httpx2.Response"]:
        if not _ENDPOINT.match(self._endpoint):
            raise _unusable("the endpoint does not begin with http:// and a host")
        try:
            client = await self._http.client(self._endpoint)
        except (ImportError, ValueError) as error:
            raise _unusable(f"the proxy makes no sense: {type(error).__name__}") from None
        import httpx2  # noqa: PLC0415 - see llm/http.py

        timeout = httpx2.Timeout(silence_seconds, connect=min(silence_seconds, CONNECT_SECONDS))
        try:
            request = client.build_request(
                method, self._endpoint + path, content=body, headers=self._headers, timeout=timeout
            )
            response = await client.send(request, stream=True)
        except (httpx2.InvalidURL, ValueError) as error:  # a port that is no number, a header that is not ASCII
            raise _unusable(f"the endpoint or a header makes no sense: {type(error).__name__}") from None
        except httpx2.TransportError as error:
            raise self._unreachable(error) from None
        try:
            if response.status_code != httpx2.codes.OK:
                raise _status_error(response, model)
            yield response
        finally:
            await response.aclose()

    def _unreachable(self, error: Exception) -> errors.ProviderUnavailable:
        return errors.ProviderUnavailable(
            f"Ollama can't be reached: {type(error).__name__}.",
            provider="ollama",
            user_message=f"Ollama can't be reached at {shown(self._endpoint)}; start Ollama, or set its endpoint "
            "in the settings.",
        )

    async def _read_whole(self, response: "httpx2.Response") -> bytes:
        return b"".join([chunk async for chunk in self._read(response)])

    async def _lines(self, response: "httpx2.Response") -> AsyncGenerator[bytes]:
        try:
            async with aclosing(lines(self._read(response))) as received:
                async for line in received:
                    yield line
        except ValueError:
            raise not_ollama() from None

    async def _read(self, response: "httpx2.Response") -> AsyncGenerator[bytes]:
        import httpx2  # noqa: PLC0415 - see llm/http.py

        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            reason = f"The connection to Ollama broke: {type(error).__name__}."
            raise errors.StreamInterrupted(reason, provider="ollama") from None


async def _finish(received: AsyncIterator[bytes]) -> None:
    """Read what stands behind the last line, so that the connection can serve the next question."""
    with suppress(errors.StreamInterrupted), anyio.move_on_after(_FINISH_SECONDS):
        async for _ in received:
            pass


def _unusable(reason: str) -> errors.ProviderNotConfigured:
    return errors.ProviderNotConfigured(
        f"Ollama can't be asked: {reason}.",
        provider="ollama",
        user_message="The endpoint of Ollama can't be used; correct it in the settings, or in OLLAMA_HOST.",
    )


def _status_error(response: "httpx2.Response", model: str) -> errors.ProviderError:
    status = response.status_code
    unavailable = status >= 500
    kind = errors.ProviderUnavailable if unavailable else _STATUS_ERRORS.get(status, errors.ProviderRejected)
    user_message = None
    if kind is errors.ModelNotFound:
        if not model:
            return not_ollama()  # where no model was asked for, it is the path that is not there
        user_message = f'Ollama has no model "{model}"; get it with "ollama pull {model}", or choose another.'
    return kind(
        f"Ollama answered with HTTP status {status}.",
        provider="ollama",
        http_status=status,
        retry_after=retry_after(response.headers.get("Retry-After", "")),
        user_message=user_message,
    )
