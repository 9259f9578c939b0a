"""Turn texts into vectors."""

from typing import Annotated

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import ListOf, Maybe, Model, Params
from ckservice.protocol.errors import PROVIDER_KINDS
from ckservice.settings import ProviderConfig
from ckservice.types import Usage


class CreateParams(Params):
    input: Annotated[ListOf[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=2048)] = Field(
        description="Texts. How many vectors fit into one answer depends on the model; too many are `messageTooLarge`."
    )
    config: Maybe[ProviderConfig] = Field(None, description="What is left out comes from the setting `embedding`.")


class CreateResult(Model):
    vectors: list[list[float]] = Field(description="One for each text, in their order.")
    model: str
    usage: Usage


CREATE = Request("embedding/create", CreateParams, CreateResult, "Turn texts into vectors.", errors=PROVIDER_KINDS)
