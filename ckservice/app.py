"""The composition root: what a running service is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from ckservice.jsonrpc.connection import Connection
from ckservice.llm.gateway import Gateway
from ckservice.logs import set_level
from ckservice.metrics import Metrics
from ckservice.protocol.service import InitializeParams
from ckservice.settings import Settings, SettingsStack
from ckservice.types import ProviderName


@dataclass(slots=True)
class Service:
    """Everything that handlers work with.

    Attributes:
        watch_process: ends this process when another one has ended.
    """

    settings: SettingsStack
    metrics: Metrics
    gateway: Gateway
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
        if client.settings is not None:
            self.settings.update(client.settings.given)
        self.client = client
        connection.opted_out = frozenset(client.opt_out_notifications or ())
        set_level(self.settings.current.log_level)
        if client.process_id is not None:
            self.watch_process(client.process_id)

    def is_enabled(self, method: str) -> bool:
        """Whether the settings let a method be called."""
        return method not in self.settings.current.methods.disabled


def create_service(
    settings: SettingsStack,
    data_directory: str,
    watch_process: Callable[[int], None],
    endpoints: Mapping[ProviderName, str],
) -> Service:
    """Put a service together."""
    metrics = Metrics()
    gateway = Gateway(lambda: settings.current, metrics, endpoints)
    return Service(settings, metrics, gateway, data_directory, watch_process)


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
