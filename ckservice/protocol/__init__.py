"""The contract, version 1: every method and notification, one file for each resource.

The models here and in `ckservice.types` and `ckservice.settings` are its only source; `schemas/` is
generated from them.
"""

from typing import Any

from ckservice.jsonrpc.method import Notification, Request
from ckservice.protocol import (
    cache,
    chat,
    credential,
    embedding,
    entity,
    health,
    model,
    prompt,
    rag,
    repository,
    service,
    settings,
    stream,
    token,
)

VERSION = 1
"""Rises only when something breaks. Results, notifications and enums may grow within a version."""

REQUESTS: tuple[Request[Any, Any], ...] = (
    service.INITIALIZE,
    service.PING,
    service.SHUTDOWN,
    health.CHECK,
    health.LIVE,
    health.READY,
    health.PROVIDERS,
    health.METRICS,
    settings.GET,
    settings.UPDATE,
    credential.SET,
    credential.CLEAR,
    cache.STATS,
    cache.CLEAR,
    chat.COMPLETE,
    model.LIST,
    token.COUNT,
    embedding.CREATE,
    entity.GENERATE,
    entity.REFINE,
    entity.VALIDATE,
    entity.LIST,
    entity.GET,
    entity.NEXT_ID,
    entity.SAVE,
    repository.INSPECT,
    repository.VALIDATE,
    repository.GRAPH,
    repository.IMPACT,
    prompt.RENDER,
    rag.INDEX,
    rag.SEARCH,
    rag.SIMILAR,
    rag.QUERY,
    rag.STATUS,
    rag.CLEAR,
)
"""What the host can ask."""

HOST_REQUESTS: tuple[Request[Any, Any], ...] = (credential.REQUEST,)
"""What the service can ask a host that declared the capability."""

HOST_NOTIFICATIONS: tuple[Notification[Any], ...] = (service.CANCEL_REQUEST, service.EXIT)
"""What the host can tell."""

NOTIFICATIONS: tuple[Notification[Any], ...] = (
    stream.TOKEN,
    stream.REASONING,
    stream.SOURCE,
    stream.PROGRESS,
    stream.USAGE,
)
"""What the service can tell, always before the response of the request it belongs to."""
