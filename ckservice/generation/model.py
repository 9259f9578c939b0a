"""What is known of a generated entity beside itself."""

from typing import Literal

from pydantic import Field

from ckservice.context.types import EntityType
from ckservice.model import Maybe, Model

SourceReason = Literal["linked", "neighbour", "example", "similar", "principle", "project"]


class GenerationSource(Model):
    """Something that the model was told of the repository."""

    entity_id: Maybe[str] = None
    entity_type: Maybe[EntityType] = None
    title: str
    file_path: str = Field(description="Relative to the repository, with `/`.")
    reason: SourceReason


class GenerationMetadata(Model):
    """What it took."""

    prompt_tokens: int
    completion_tokens: int
    duration_ms: float
    model: str
    provider: str
    attempts: int = Field(description="How many times a provider was asked.")
    cost_usd: float | None = Field(description="US dollars; null when the price is unknown.")
