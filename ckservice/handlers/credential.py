"""Keys that the host gives and takes back."""

from ckservice.app import Service
from ckservice.jsonrpc.call import Call
from ckservice.model import Nothing
from ckservice.protocol.credential import ClearCredentialParams, SetCredentialParams


def set_key(service: Service, _call: Call, params: SetCredentialParams) -> Nothing:
    service.credentials.set(params.provider, params.endpoint, params.api_key)
    return Nothing()


def clear(service: Service, _call: Call, params: ClearCredentialParams) -> Nothing:
    service.credentials.clear(params.provider, params.endpoint)
    return Nothing()
