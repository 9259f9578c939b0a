"""How long is a prompt."""

from ckservice.app import Service
from ckservice.errors import InvalidArguments
from ckservice.jsonrpc.call import Call
from ckservice.protocol.token import CountParams, CountResult
from ckservice.types import ChatRequest, Message


async def count(service: Service, _call: Call, params: CountParams) -> CountResult:
    config = service.gateway.resolve(params.config)
    request = ChatRequest(messages=_messages(params), model=config.model or "", tools=tuple(params.tools or ()))
    tokens, exact = await service.gateway.count(request, config)
    return CountResult(tokens=tokens, exact=exact)


def _messages(params: CountParams) -> tuple[Message, ...]:
    if params.messages is not None and params.text is None:
        return tuple(params.messages)
    if params.text is not None and params.messages is None:
        return (Message(role="user", content=params.text),)
    raise InvalidArguments([{"path": "text", "message": "either this or messages is required, not both"}])
