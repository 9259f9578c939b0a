"""The models of one provider or of all, with prices where they are known."""

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import Maybe, Model, Params
from ckservice.types import ModelInfo, ProviderName


class ListParams(Params):
    provider: Maybe[ProviderName] = Field(None, description="Only this one's models; all providers' where left out.")


class ListError(Model):
    """A provider whose models could not be listed."""

    provider: ProviderName
    kind: str
    message: str


class ListResult(Model):
    models: list[ModelInfo]
    errors: list[ListError]


LIST = Request("model/list", ListParams, ListResult, "The models of one provider or of all.")
