"""Keys: the host gives them, takes them back, and is asked for them. They are kept in memory only."""

from typing import Annotated

from pydantic import Field, SecretStr, WithJsonSchema

from ckservice.jsonrpc.method import Request
from ckservice.model import Maybe, Model, Nothing, Params
from ckservice.types import ProviderName

Endpoint = Annotated[str, Field(description="URL of the provider's API; left out: the provider as a whole.")]


class SetCredentialParams(Params):
    provider: ProviderName
    endpoint: Maybe[Endpoint] = None
    api_key: Annotated[SecretStr, Field(min_length=1), WithJsonSchema({"type": "string", "minLength": 1})] = Field(
        description="Used where no config holds a key; goes before what the environment holds."
    )


class ClearCredentialParams(Params):
    provider: ProviderName
    endpoint: Maybe[Endpoint] = None


class CredentialRequestParams(Model):
    provider: ProviderName
    endpoint: Maybe[str] = Field(None, description="Absent: the provider's own address.")


class CredentialRequestResult(Model, hide_input_in_errors=True):
    api_key: Maybe[Annotated[SecretStr, WithJsonSchema({"type": "string"})]] = Field(
        None, description="Absent or empty where the host has none."
    )


SET = Request(
    "credential/set", SetCredentialParams, Nothing, "Give a key for a provider, for as long as this process lives."
)
CLEAR = Request(
    "credential/clear",
    ClearCredentialParams,
    Nothing,
    "Take back what `credential/set` gave and `credential/request` was answered with; without `endpoint`, for all "
    "endpoints of the provider.",
)
REQUEST = Request(
    "credential/request",
    CredentialRequestParams,
    CredentialRequestResult,
    "Asked when a key is needed that neither a config nor `credential/set` has given, by a service whose host has "
    "declared `capabilities.credentials`. The answer is kept until the provider refuses the key.",
)
