"""The session: handshake, ping, shutdown."""

from ckservice import contract, errors
from ckservice.app import Service
from ckservice.jsonrpc.call import Call
from ckservice.model import NoParams, Nothing
from ckservice.protocol.service import InitializeParams, InitializeResult, ShutdownParams


def initialize(service: Service, call: Call, params: InitializeParams) -> InitializeResult:
    if service.is_initialized:
        raise errors.AlreadyInitialized("This connection has been initialized.")
    meta = contract.load("meta.json")
    if params.protocol_version != meta["protocolVersion"]:
        supported = [meta["protocolVersion"]]
        raise errors.UnsupportedVersion(f"This process speaks protocol version {supported[0]}.", supported=supported)
    service.begin_session(call.connection, params)
    settings = service.settings.current.model_dump(mode="json")
    return InitializeResult.model_validate(contract.initialize_result(meta, settings))


def ping(_call: Call, _params: NoParams) -> Nothing:
    return Nothing()


async def shutdown(call: Call, params: ShutdownParams) -> Nothing:
    await call.connection.settle(params.grace_ms / 1000, apart_from=call)
    return Nothing()
