"""Requests to one account, through the `openai` SDK: it signs and sends them, and raises what is refused.

https://github.com/openai/openai-python#undocumented-endpoints. Its typed methods are not used: they cost a millisecond
for each request, and a fifth of a second for the first.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import anyio

from ckservice import errors
from ckservice.imports import load
from ckservice.llm import failures
from ckservice.llm.http import CONNECT_SECONDS
from ckservice.llm.provider import Access
from ckservice.llm.providers.openai_errors import from_answer
from ckservice.llm.reading import read_json
from ckservice.types import ProviderName

if TYPE_CHECKING:
    import httpx2
    import openai
    from openai._types import RequestOptions

_LOGGERS = ("openai", "httpx2", "httpcore2")


class Refused(Exception):
    """An answer other than 2xx, before anybody has made sense of it."""

    def __init__(self, raised: "openai.APIStatusError") -> None:
        super().__init__()
        self.raised = raised


class Connection:
    """One account at one endpoint. The SDK is imported, and its client made, with the first request.

    Args:
        access: to the account.
        provider: its name, for the errors.
        url: where the paths of the API begin.
        headers: to send with each request, before those of the SDK.
        create: makes the SDK's client, of an HTTP client and a timeout.
    """

    def __init__(
        self,
        access: Access,
        provider: ProviderName,
        url: str,
        headers: Mapping[str, str],
        create: "Callable[[httpx2.AsyncClient, httpx2.Timeout], openai.AsyncOpenAI]",
    ) -> None:
        self._access = access
        self._provider = provider
        self._url = url
        self._headers = headers
        self._create = create
        self._client: openai.AsyncOpenAI | None = None
        self._is_anonymous = access.key is None and "authorization" not in {name.lower() for name in headers}

    async def send(self, path: str, body: Mapping[str, Any] | None) -> "httpx2.Response":
        """Send a question and wait for the head of its answer, whose body the caller reads and closes.

        Raises:
            Refused: the answer is an error.
            ProviderError: there was none.
        """
        client = await self.open()
        import httpx2  # noqa: PLC0415 - see `open`
        import openai  # noqa: PLC0415 - see `open`

        options: RequestOptions = {"headers": {"Authorization": openai.Omit()}} if self._is_anonymous else {}
        try:
            if body is None:
                response = await client.get(path, cast_to=httpx2.Response, options=options, stream=True)
            else:
                response = await client.post(path, cast_to=httpx2.Response, body=body, options=options, stream=True)
        except openai.APIStatusError as raised:
            self._access.endpoint.note_limits(raised.response.headers)
            raise Refused(raised) from None
        except (openai.APIConnectionError, httpx2.RequestError) as error:
            raise self._unreachable(error) from None
        except (httpx2.InvalidURL, ValueError) as error:  # a port that is no number, a key that is not ASCII
            raise self._senseless(error) from None
        self._access.endpoint.note_limits(response.headers)
        return response

    async def fetch(self, path: str, body: Mapping[str, Any] | None = None, *, model: str = "", seconds: float) -> Any:
        """Ask for something that comes as one JSON value, within a time for all of it.

        Raises:
            ProviderError: it could not be had; `model` is what was asked for.
        """
        await self.open()
        try:
            with anyio.fail_after(seconds):
                response = await self.send(path, body)
                try:
                    return await read_json(response, provider=self._provider)
                finally:
                    await response.aclose()
        except Refused as refusal:
            raise from_answer(self._provider, refusal.raised, model=model) from None
        except TimeoutError:
            raise failures.too_slow(self._provider) from None

    async def open(self) -> "openai.AsyncOpenAI":
        """The client. Nothing of it comes from the environment, where the SDK looks for what it is not told.

        Importing the SDK may take a while, for which the server can't be blamed: open before a time begins.

        Raises:
            ProviderNotConfigured: the endpoint, the key or a header makes no sense.
        """
        if self._client is None:
            await load("openai")
            import httpx2  # noqa: PLC0415 - the SDK has imported it

            for name in _LOGGERS:  # OPENAI_LOG would have them tell more
                logging.getLogger(name).setLevel(logging.WARNING)
            http = await self._access.http.client(self._url, self._access.settings.network, provider=self._provider)
            try:
                client = self._create(http, httpx2.Timeout(None, connect=CONNECT_SECONDS))
            except (httpx2.InvalidURL, ValueError) as error:
                raise self._senseless(error) from None
            client.organization = client.project = None
            client._custom_headers = self._headers  # noqa: SLF001 - OPENAI_CUSTOM_HEADERS would be among them
            self._client = client
        return self._client

    def _unreachable(self, error: Exception) -> errors.ProviderError:
        import httpx2  # noqa: PLC0415 - see `open`

        cause = error.__cause__ or error
        if isinstance(cause, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
            return self._senseless(cause)
        return failures.unreachable(self._provider, self._url, error)

    def _senseless(self, error: BaseException) -> errors.ProviderNotConfigured:
        reason = f"the endpoint, the key or a header makes no sense: {type(error).__name__}"
        return failures.unusable(self._provider, reason)
