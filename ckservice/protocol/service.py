"""The session: handshake, ping, shutdown."""

from typing import Annotated

from pydantic import Field

from ckservice.jsonrpc.method import Notification, Request
from ckservice.model import ListOf, Maybe, Model, NoParams, Nothing, Params
from ckservice.protocol.errors import ALREADY_INITIALIZED, UNSUPPORTED_VERSION
from ckservice.settings import SettingsPatch


class ClientInfo(Model):
    """The program that embeds the service."""

    name: str
    version: str


class ClientCapabilities(Model):
    """What the service may ask the host."""

    approvals: Maybe[bool] = Field(None, description="The host answers `approval/request`.")
    credentials: Maybe[bool] = Field(None, description="The host answers `credential/request`.")


class InitializeParams(Params, extra="ignore"):
    """Who the host is and what it wants. Unknown members are ignored: a newer host may send them."""

    protocol_version: int = Field(description="The version of this protocol that the host speaks: 1.")
    client_info: ClientInfo
    process_id: Maybe[Annotated[int, Field(ge=1)]] = Field(
        None, description="The host's process; when it ends, so does the service."
    )
    capabilities: Maybe[ClientCapabilities] = None
    opt_out_notifications: Maybe[ListOf[str]] = Field(
        None, description="Exact names of notifications that are not wanted."
    )
    repo_path: Maybe[Annotated[str, Field(min_length=1, max_length=4096)]] = Field(
        None, description="Absolute path of the context repository; goes before `settings.repoPath`."
    )
    settings: Maybe[SettingsPatch] = None


class ServerInfo(Model):
    name: str
    version: str
    pid: int


class ServerCapabilities(Model):
    """What this process can do at present."""

    methods: list[str]
    notifications: list[str]
    providers: list[str]
    tools: list[str]


class ServerLimits(Model):
    max_in_flight: int
    max_line_bytes: int
    max_message_bytes: int = Field(description="No message from the service is longer, in bytes.")
    max_batch_size: int = Field(description="Messages in one batch.")


class InitializeResult(Model):
    protocol_version: int
    schema_hash: str = Field(
        description="SHA-256 of the canonical `schemas/protocol.json`: compare it with the one the host was built with."
    )
    server_info: ServerInfo
    capabilities: ServerCapabilities
    limits: ServerLimits


class ShutdownParams(Params):
    grace_ms: Annotated[int, Field(ge=0, le=600_000)] = Field(
        2000, description="How long running requests may take to finish, in milliseconds; then they are cancelled."
    )


class CancelParams(Model):
    id: str | int = Field(description="The request to cancel.")


INITIALIZE = Request(
    "initialize",
    InitializeParams,
    InitializeResult,
    "Introduce the host, learn what the service can do. Optional, at most once.",
    errors=(ALREADY_INITIALIZED, UNSUPPORTED_VERSION),
    tolerant=True,
)
PING = Request("ping", NoParams, Nothing, "Answer at once.", late=True)
SHUTDOWN = Request(
    "shutdown",
    ShutdownParams,
    Nothing,
    "Take no new work, finish or cancel what runs, answer; then send `exit` or close stdin.",
    late=True,
)
CANCEL_REQUEST = Notification("$/cancelRequest", CancelParams, "Cancel a request; it is answered `cancelled`.")
EXIT = Notification("exit", NoParams, "End the process.")
