"""Turn texts into vectors."""

from ckservice.app import Service
from ckservice.errors import EmbeddingsNotConfigured
from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.errors import MESSAGE_TOO_LARGE, RpcError
from ckservice.jsonrpc.ledger import MAX_OUTPUT_BYTES
from ckservice.jsonrpc.messages import encode
from ckservice.protocol.embedding import CreateParams, CreateResult

_AHEAD = 64
"""Where there are more texts, so many go ahead: their vectors tell how large the answer is going to be."""


async def create(service: Service, _call: Call, params: CreateParams) -> CreateResult:
    ahead, rest = params.input[:_AHEAD], params.input[_AHEAD:]
    config = service.gateway.resolve_embedding(params.config)
    if config is None:
        raise EmbeddingsNotConfigured
    embedding = await service.gateway.embed(ahead, config)
    vectors, usage = embedding.vectors, embedding.usage
    _check_size(vectors[0], len(params.input))
    if rest:
        embedding = await service.gateway.embed(rest, config)
        vectors, usage = vectors + embedding.vectors, usage + embedding.usage
    return CreateResult(vectors=vectors, model=config.model or "", usage=usage)


def _check_size(vector: list[float], count: int) -> None:
    """Refuse what would not fit into one message, before all of it is made."""
    most = MAX_OUTPUT_BYTES // (len(encode(vector)) + 1)
    if count > most:
        raise RpcError(
            MESSAGE_TOO_LARGE, f"The vectors of about {most} texts fit into an answer; {count} are too many at a time."
        )
