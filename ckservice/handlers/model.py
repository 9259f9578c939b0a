"""Which models there are."""

import anyio

from ckservice.app import Service
from ckservice.errors import ProviderError
from ckservice.jsonrpc.call import Call
from ckservice.llm.failures import title
from ckservice.llm.gateway import PROVIDERS
from ckservice.protocol.errors import PROVIDER_UNAVAILABLE, kind_of
from ckservice.protocol.model import ListError, ListParams, ListResult
from ckservice.types import ModelInfo, ProviderName

_LIST_SECONDS = 10


async def list_models(service: Service, _call: Call, params: ListParams) -> ListResult:
    answers: dict[ProviderName, list[ModelInfo] | ListError] = {}

    async def ask(name: ProviderName) -> None:
        answers[name] = await ask_models(service, name, _LIST_SECONDS)

    names = [params.provider] if params.provider is not None else list(PROVIDERS)
    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(ask, name)
    told = [answers[name] for name in names]
    return ListResult(
        models=[model for answer in told if isinstance(answer, list) for model in answer],
        errors=[answer for answer in told if isinstance(answer, ListError)],
    )


async def ask_models(service: Service, name: ProviderName, seconds: float) -> list[ModelInfo] | ListError:
    """The models of a provider, or why they could not be listed within a time."""
    try:
        with anyio.fail_after(seconds):
            return await service.gateway.models(name)
    except ProviderError as error:
        return ListError(provider=name, kind=kind_of(error).name, message=error.user_message or error.message)
    except TimeoutError:
        message = f"{title(name)} did not answer within {seconds} seconds."
        return ListError(provider=name, kind=PROVIDER_UNAVAILABLE.name, message=message)
