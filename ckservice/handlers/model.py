"""Which models there are."""

from ckservice.app import Service
from ckservice.errors import ProviderError
from ckservice.jsonrpc.call import Call
from ckservice.llm.gateway import PROVIDERS
from ckservice.protocol.errors import kind_of
from ckservice.protocol.model import ListError, ListParams, ListResult
from ckservice.types import ModelInfo


async def list_models(service: Service, _call: Call, params: ListParams) -> ListResult:
    models: list[ModelInfo] = []
    failures: list[ListError] = []
    for name in [params.provider] if params.provider is not None else PROVIDERS:
        try:
            models.extend(await service.gateway.models(name))
        except ProviderError as error:
            failures.append(
                ListError(provider=name, kind=kind_of(error).name, message=error.user_message or error.message)
            )
    return ListResult(models=models, errors=failures)
