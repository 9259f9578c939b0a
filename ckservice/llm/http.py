"""HTTP clients that last, as the settings want them.

httpx2 is imported when first used, beside the event loop: it takes 60 ms, and an offline session never needs it.
"""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from ckservice.errors import ProviderNotConfigured
from ckservice.imports import load
from ckservice.llm.failures import unusable
from ckservice.settings import NetworkSettings
from ckservice.types import ProviderName
from ckservice.urls import is_loopback

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 8

_KEEPALIVE_SECONDS = 90
"""A person's next question finds the connection still open; httpx2's own 5 s would cost a handshake each time."""


class Http:
    """A client for this machine, which never uses a proxy, and one for the world, for each way to reach it."""

    def __init__(self) -> None:
        self._clients: dict[tuple[bool, bool, NetworkSettings], httpx2.AsyncClient] = {}

    async def client(self, url: str, network: NetworkSettings, *, provider: ProviderName) -> "httpx2.AsyncClient":
        """The client for a URL. It is never closed: streams of other requests may be running on it.

        Raises:
            ProviderNotConfigured: the port of the URL, the proxy or the CA file makes no sense.
        """
        httpx2 = await load("httpx2")
        with suppress(httpx2.InvalidURL):  # whoever asks finds that out
            if not _is_port(httpx2.URL(url)):
                raise unusable(provider, "the endpoint has a port that can't be")
        is_local = is_loopback(url)
        way = (is_local, is_local and url.lower().startswith("http:"), network)
        if way not in self._clients:
            client = await anyio.to_thread.run_sync(partial(_open, *way, provider=provider))
            self._clients.setdefault(way, client)
        return self._clients[way]


def _open(is_local: bool, is_plain: bool, network: NetworkSettings, *, provider: str) -> "httpx2.AsyncClient":
    import ssl  # noqa: PLC0415 - httpx2 has imported it

    import httpx2  # noqa: PLC0415 - imported by `client`, see above

    from ckservice.llm.http_hooks import HOOKS  # noqa: PLC0415 - it needs httpx2

    try:
        # Loading the system's certificates takes 20 ms and more, which plain HTTP has no use for.
        certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else httpx2.create_ssl_context()
        if network.ca_file is not None and not is_plain:
            certificates.load_verify_locations(network.ca_file)
        return httpx2.AsyncClient(
            verify=certificates,
            proxy=None if is_local else _proxy(network),
            trust_env=not is_local,
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=_KEEPALIVE_SECONDS),
            event_hooks=HOOKS,
        )
    except (httpx2.InvalidURL, ImportError, ValueError) as error:
        raise ProviderNotConfigured(
            f"The proxy makes no sense: {type(error).__name__}.",
            provider=provider,
            user_message="The proxy can't be used; correct it in the settings, or in the environment (HTTPS_PROXY).",
        ) from None
    except OSError as error:  # ssl.SSLError is one
        raise ProviderNotConfigured(
            f"The CA file can't be read: {type(error).__name__}.",
            provider=provider,
            user_message="The file of extra certificates can't be read; correct it in the settings, "
            "or in CKSERVICE_CA_FILE.",
        ) from None


def _proxy(network: NetworkSettings) -> "httpx2.Proxy | None":
    import httpx2  # noqa: PLC0415 - as above

    if network.proxy is None:
        return None
    proxy = httpx2.Proxy(network.proxy)
    if not proxy.url.host or not _is_port(proxy.url):
        raise ValueError("a proxy without a host, or at a port that can't be")
    return proxy


def _is_port(url: "httpx2.URL") -> bool:
    """Whether a socket takes the port; it would raise an error of arithmetic."""
    return (url.port or 0) < 2**16
