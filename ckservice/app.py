"""The composition root: what a running service is made of."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from pydantic import SecretStr, ValidationError

from ckservice.context.repositories import Repositories
from ckservice.jsonrpc.connection import Connection
from ckservice.jsonrpc.errors import HostError, HostGone
from ckservice.llm.cache import Cached
from ckservice.llm.credentials import Credentials
from ckservice.llm.gateway import Gateway
from ckservice.logs import set_level
from ckservice.metrics import Metrics
from ckservice.protocol import credential
from ckservice.protocol.service import InitializeParams
from ckservice.retrieval.indexes import Indexes
from ckservice.settings import ProviderConfig, Settings, SettingsStack
from ckservice.types import ProviderName

if TYPE_CHECKING:
    from ckservice.retrieval.embedding.embedder import Embedder

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Service:
    """Everything that handlers work with.

    Attributes:
        watch_process: ends this process when another one has ended.
    """

    settings: SettingsStack
    metrics: Metrics
    gateway: Gateway
    credentials: Credentials
    cache: Cached
    repositories: Repositories
    indexes: Indexes
    data_directory: str
    watch_process: Callable[[int], None]
    client: InitializeParams | None = None
    started_at: float = field(default_factory=monotonic)

    @property
    def is_initialized(self) -> bool:
        return self.client is not None

    def begin_session(self, connection: Connection, client: InitializeParams) -> None:
        """Take in what the host said of itself in `initialize`.

        Raises:
            InvalidArguments: its settings do not fit those of the environment.
        """
        given = client.settings.given if client.settings is not None else {}
        if client.repo_path is not None:
            given = {**given, "repoPath": client.repo_path}
        self.settings.update(given)
        self.client = client
        connection.opted_out = frozenset(client.opt_out_notifications or ())
        set_level(self.settings.current.log_level)
        if client.process_id is not None:
            self.watch_process(client.process_id)
        if client.capabilities is not None and client.capabilities.credentials:
            self.credentials.ask = partial(_ask_for_key, connection)
        connection.start_soon(self.gateway.warm)

    def is_enabled(self, method: str) -> bool:
        """Whether the settings let a method be called."""
        return method not in self.settings.current.methods.disabled


def create_service(
    settings: SettingsStack,
    data_directory: str,
    watch_process: Callable[[int], None],
    endpoints: Mapping[ProviderName, str],
    keys: Mapping[ProviderName, str],
) -> Service:
    """Put a service together."""
    metrics = Metrics()
    # At this moment the settings are the environment's alone: its keys may go where its endpoints lead.
    named = (*endpoints.values(), settings.current.config.endpoint, settings.current.embedding.endpoint)
    credentials = Credentials(
        {provider: SecretStr(key) for provider, key in keys.items()}, [endpoint for endpoint in named if endpoint]
    )
    cache = Cached(lambda: settings.current, data_directory, metrics)
    gateway = Gateway(lambda: settings.current, metrics, credentials, endpoints, cache)
    repositories = Repositories(lambda: settings.current.repo_path)
    indexes = Indexes(data_directory, CurrentEmbedder(lambda: settings.current, gateway))
    return Service(settings, metrics, gateway, credentials, cache, repositories, indexes, data_directory, watch_process)


async def _ask_for_key(connection: Connection, provider: ProviderName, endpoint: str | None) -> SecretStr | None:
    """The host's key for a provider; `None` where it has none, or does not say."""
    params = credential.CredentialRequestParams(provider=provider, endpoint=endpoint)
    try:
        return (await connection.asking.ask(credential.REQUEST, params)).api_key
    except (HostError, HostGone, ValidationError) as error:  # what they say may hold the key
        log.info("no key from the host", extra={"provider": provider, "reason": type(error).__name__})
        return None


class CurrentLimits:
    """The limits in effect, for the connection: settings change while it runs."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    @property
    def max_in_flight(self) -> int:
        return self._settings().limits.max_in_flight

    @property
    def max_line_bytes(self) -> int:
        return self._settings().limits.max_line_bytes


class CurrentEmbedder:
    """The model of embeddings that the settings name, if they do: the same object for as long as they don't change."""

    def __init__(self, settings: Callable[[], Settings], gateway: Gateway) -> None:
        self._settings = settings
        self._gateway = gateway
        self._made_for: Settings | None = None
        self._embedder: Embedder | None = None

    def __call__(self) -> "Embedder | None":
        settings = self._settings()
        if settings is not self._made_for:
            config = self._gateway.resolve_embedding()
            self._made_for, self._embedder = settings, _embedder(self._gateway, config) if config is not None else None
        return self._embedder


def _embedder(gateway: Gateway, config: ProviderConfig) -> "Embedder":
    from ckservice.retrieval.embedding.embedder import Embedder  # noqa: PLC0415 - only for those who search

    async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
        return (await gateway.embed(texts, config)).vectors

    account = ""
    if config.provider == "azure-openai":  # where owners name their deployments as they like
        account = hashlib.sha256(repr((config.base_model, config.endpoint)).encode()).hexdigest()[:8]
    return Embedder("/".join(filter(None, (config.provider, config.model))), embed, account)
