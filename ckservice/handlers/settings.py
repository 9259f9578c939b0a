"""The settings of the process."""

from ckservice.app import Service
from ckservice.jsonrpc.call import Call
from ckservice.logs import set_level
from ckservice.model import NoParams
from ckservice.protocol.settings import UpdateParams
from ckservice.settings import Settings


def get(service: Service, _call: Call, _params: NoParams) -> Settings:
    return service.settings.current


def update(service: Service, call: Call, params: UpdateParams) -> Settings:
    settings = service.settings.update(params.given)
    set_level(settings.log_level)
    call.connection.start_soon(service.gateway.warm)
    return settings
