"""Prompts for other AIs, made of an entity and what belongs to it."""

from pydantic import Field

from ckservice.context.prompts.model import PromptKind, RenderedPrompt
from ckservice.jsonrpc.method import Request
from ckservice.protocol.entity import EntityId
from ckservice.protocol.errors import ENTITY_NOT_FOUND, REPOSITORY_NOT_FOUND
from ckservice.protocol.repository import RepositoryParams


class RenderPromptParams(RepositoryParams):
    entity_id: EntityId
    kind: PromptKind


class RenderPromptResult(RenderedPrompt):
    tokens: int = Field(description="Of the prompt; estimated, since it is meant for any model.")


RENDER = Request(
    "prompt/render",
    RenderPromptParams,
    RenderPromptResult,
    "Make a prompt of an entity and what belongs to it, for an AI that implements, reviews or tests it.",
    errors=(REPOSITORY_NOT_FOUND, ENTITY_NOT_FOUND),
)
