"""What answers each method; one file for each resource, under the name it has in `protocol`."""

from functools import partial

from ckservice.app import Service
from ckservice.handlers import cache, chat, credential, embedding, health, model, service, settings, token
from ckservice.jsonrpc.method import Handler, handler, inline
from ckservice.protocol import (
    cache as cache_protocol,
    chat as chat_protocol,
    credential as credential_protocol,
    embedding as embedding_protocol,
    health as health_protocol,
    model as model_protocol,
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
    )
