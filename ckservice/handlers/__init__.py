"""What answers each method; one file for each resource, under the name it has in `protocol`."""

from functools import partial
from typing import Any

from ckservice.app import Service
from ckservice.handlers import cache, chat, credential, embedding, health, model, service, settings, token
from ckservice.imports import load
from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.method import Handler, Request, handler, inline
from ckservice.protocol import (
    cache as cache_protocol,
    chat as chat_protocol,
    credential as credential_protocol,
    embedding as embedding_protocol,
    entity as entity_protocol,
    health as health_protocol,
    model as model_protocol,
    prompt as prompt_protocol,
    rag as rag_protocol,
    repository as repository_protocol,
    service as service_protocol,
    settings as settings_protocol,
    token as token_protocol,
)


def handlers(of: Service) -> tuple[Handler, ...]:
    """All handlers, bound to a service."""
    return (
        inline(service_protocol.INITIALIZE, partial(service.initialize, of)),
        inline(service_protocol.PING, service.ping),
        handler(service_protocol.SHUTDOWN, service.shutdown),
        handler(health_protocol.CHECK, partial(health.check, of)),
        handler(health_protocol.LIVE, partial(health.check, of)),
        handler(health_protocol.READY, partial(health.ready, of)),
        handler(health_protocol.PROVIDERS, partial(health.providers, of)),
        inline(health_protocol.METRICS, partial(health.metrics, of)),
        inline(settings_protocol.GET, partial(settings.get, of)),
        inline(settings_protocol.UPDATE, partial(settings.update, of)),
        inline(credential_protocol.SET, partial(credential.set_key, of)),
        inline(credential_protocol.CLEAR, partial(credential.clear, of)),
        handler(cache_protocol.STATS, partial(cache.stats, of)),
        handler(cache_protocol.CLEAR, partial(cache.clear, of)),
        handler(chat_protocol.COMPLETE, partial(chat.complete, of)),
        handler(model_protocol.LIST, partial(model.list_models, of)),
        handler(token_protocol.COUNT, partial(token.count, of)),
        handler(embedding_protocol.CREATE, partial(embedding.create, of)),
        _later(entity_protocol.GENERATE, "entity", "generate", of),
        _later(entity_protocol.REFINE, "entity", "refine", of),
        _later(entity_protocol.VALIDATE, "entity", "validate", of),
        _later(entity_protocol.LIST, "entity", "list_entities", of),
        _later(entity_protocol.GET, "entity", "get", of),
        _later(entity_protocol.NEXT_ID, "entity", "next_id", of),
        _later(entity_protocol.SAVE, "entity", "save", of),
        _later(repository_protocol.INSPECT, "repository", "inspect_repository", of),
        _later(repository_protocol.VALIDATE, "repository", "validate", of),
        _later(repository_protocol.GRAPH, "repository", "graph", of),
        _later(repository_protocol.IMPACT, "repository", "impact", of),
        _later(prompt_protocol.RENDER, "prompt", "render", of),
        _later(rag_protocol.INDEX, "rag", "index", of),
        _later(rag_protocol.SEARCH, "rag", "search", of),
        _later(rag_protocol.SIMILAR, "rag", "similar", of),
        _later(rag_protocol.QUERY, "rag", "query", of),
        _later(rag_protocol.STATUS, "rag", "status", of),
        _later(rag_protocol.CLEAR, "rag", "clear", of),
    )


def _later(request: Request[Any, Any], module: str, name: str, of: Service) -> Handler:
    """Bind a function whose module is imported when it is first needed: the context repository takes 30 ms."""

    async def run(call: Call, params: Any) -> Any:
        answer = getattr(await load(f"{__name__}.{module}"), name)
        return await answer(of, call, params)

    return handler(request, run)
