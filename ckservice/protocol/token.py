"""How many tokens a prompt has: counted where the provider can, else estimated."""

from typing import Annotated

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import ListOf, Maybe, Model, Params
from ckservice.settings import ProviderConfig
from ckservice.types import Message, ToolDefinition


class CountParams(Params):
    """Either `messages` or `text`."""

    messages: Maybe[Annotated[ListOf[Message], Field(min_length=1)]] = None
    text: Maybe[str] = Field(None, description="Counted as the one message of a user.")
    tools: Maybe[ListOf[ToolDefinition]] = Field(None, description="Their descriptions are a part of the prompt.")
    config: Maybe[ProviderConfig] = None


class CountResult(Model):
    tokens: int
    exact: bool = Field(description="Whether the provider has counted; otherwise it is an estimate.")


COUNT = Request(
    "token/count", CountParams, CountResult, "The tokens of a prompt: counted where the provider can, else estimated."
)
