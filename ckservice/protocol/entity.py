"""Entities of the context repository: list, read, check, write, or have a model write them."""

from typing import Annotated, Any

from pydantic import Field

from ckservice.context.types import EntityType
from ckservice.context.validation.model import EntityProblem
from ckservice.generation.model import GenerationMetadata, GenerationSource
from ckservice.jsonrpc.method import Request
from ckservice.model import ListOf, Maybe, Model
from ckservice.protocol import stream
from ckservice.protocol.errors import (
    CONFLICT,
    ENTITY_NOT_FOUND,
    INVALID_ENTITY,
    INVALID_OUTPUT,
    PATH_FORBIDDEN,
    PROVIDER_KINDS,
    REPOSITORY_NOT_FOUND,
    STORAGE_FAILED,
)
from ckservice.protocol.repository import RepositoryParams
from ckservice.settings import ProviderConfig
from ckservice.types import JsonObject

EntityId = Annotated[str, Field(min_length=1, max_length=256)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ListEntitiesParams(RepositoryParams):
    entity_type: Maybe[EntityType] = None
    query: Maybe[str] = Field(
        None, description="Words that must all stand in the id, the title or the path; case does not matter."
    )
    cursor: Maybe[str] = Field(None, description="`nextCursor` of the page before.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class EntitySummary(Model):
    """An entity in a list."""

    id: str
    type: EntityType
    title: str
    status: Maybe[str] = None
    path: str = Field(description="Relative to the repository, with `/`.")


class ListEntitiesResult(Model):
    entities: list[EntitySummary] = Field(description="By type and id.")
    next_cursor: Maybe[str] = Field(None, description="Left out on the last page.")


class GetEntityParams(RepositoryParams):
    entity_id: EntityId


class GetEntityResult(Model):
    entity: dict[str, Any] = Field(description="The whole of it, unknown keys included.")
    yaml: str = Field(description="The text of its document, as it stands in the file.")
    path: str = Field(description="Relative to the repository, with `/`.")
    hash: Sha256 = Field(description="SHA-256 of the file's bytes; give it to `entity/save` as `expectedHash`.")
    type: EntityType


class NextIdParams(RepositoryParams):
    entity_type: EntityType


class NextIdResult(Model):
    id: str


class ValidateEntityParams(RepositoryParams):
    entity: Maybe[JsonObject] = None
    yaml: Maybe[str] = Field(None, description="In place of `entity`; problems have lines and columns then.")
    entity_type: Maybe[EntityType] = Field(None, description="Where left out, it is told by the id.")


class ValidateEntityResult(Model):
    valid: bool = Field(description="Whether there is no problem of severity `error`.")
    errors: list[EntityProblem]


class SaveEntityParams(RepositoryParams):
    entity: Maybe[JsonObject] = Field(None, description="The whole entity as it should be; a key left out is removed.")
    yaml: Maybe[str] = Field(None, description="In place of `entity`: the text of its document.")
    entity_type: Maybe[EntityType] = Field(None, description="Where left out, it is told by the id.")
    expected_hash: Maybe[Sha256] = Field(None, description="`hash` of the file that the change was made for.")
    path: Maybe[Annotated[str, Field(min_length=1, max_length=1024)]] = Field(
        None, description="Where to write a new entity, relative to the repository; it is chosen where left out."
    )
    dry_run: bool = Field(False, description="Say what would be written, and write nothing.")


class SaveEntityResult(Model):
    path: str = Field(description="Relative to the repository, with `/`.")
    created: bool
    hash: Sha256 = Field(description="SHA-256 of the file's bytes after the change.")
    diff: str = Field(description="Unified; empty where nothing changed.")


class GenerateEntityParams(RepositoryParams):
    entity_type: EntityType
    user_prompt: Annotated[str, Field(min_length=10, max_length=10_000)]
    linked_feature_id: Maybe[EntityId] = Field(None, description="The feature that it belongs to.")
    linked_ids: Maybe[Annotated[ListOf[EntityId], Field(max_length=100)]] = Field(
        None, description="Further entities that it is about."
    )
    config: Maybe[ProviderConfig] = None
    max_repairs: Annotated[int, Field(ge=0, le=10)] = Field(
        2, description="How often the model is told what is wrong with its answer."
    )
    use_context: bool = Field(True, description="Tell the model what the repository says around it.")
    save: bool = Field(False, description="Write it, with the link back in the feature: both files, or none.")
    stream: bool = Field(True, description="Send `stream/*` notifications before the response.")


class RefineEntityParams(RepositoryParams):
    entity_id: Maybe[EntityId] = None
    entity: Maybe[JsonObject] = Field(None, description="In place of `entityId`: an entity that is not saved.")
    entity_type: Maybe[EntityType] = Field(None, description="Of `entity`; where left out, it is told by the id.")
    instruction: Annotated[str, Field(min_length=1, max_length=10_000)]
    config: Maybe[ProviderConfig] = None
    max_repairs: Annotated[int, Field(ge=0, le=10)] = 2
    use_context: bool = True
    save: bool = Field(False, description="Write it, unless its file has changed in the meantime.")
    stream: bool = True


class GenerateEntityResult(Model):
    """An entity that fits its schema and links to nothing that is not there."""

    entity: dict[str, Any]
    yaml: str = Field(description="The text of its file.")
    path: str = Field(description="Where it is, or should be, saved; relative to the repository, with `/`.")
    valid: bool = Field(description="Always true: what is not valid is `invalidOutput`.")
    errors: list[EntityProblem] = Field(
        description="Problems that do not make it invalid, of severity `warning` or `info`."
    )
    sources: list[GenerationSource] = Field(description="What the model was told of the repository.")
    metadata: GenerationMetadata
    saved: Maybe[SaveEntityResult] = Field(None, description="With `save`: what was written.")


class RefineEntityResult(GenerateEntityResult):
    diff: str = Field(description="Unified, against the entity as it was.")


_GENERATION_ERRORS = (
    *PROVIDER_KINDS,
    INVALID_OUTPUT,
    INVALID_ENTITY,
    REPOSITORY_NOT_FOUND,
    ENTITY_NOT_FOUND,
    PATH_FORBIDDEN,
    CONFLICT,
    STORAGE_FAILED,
)
_GENERATION_EMITS = (stream.TOKEN, stream.REASONING, stream.PROGRESS, stream.USAGE)


GENERATE = Request(
    "entity/generate",
    GenerateEntityParams,
    GenerateEntityResult,
    "Have a model write an entity that is valid in this repository; optionally save it.",
    errors=_GENERATION_ERRORS,
    emits=_GENERATION_EMITS,
)
REFINE = Request(
    "entity/refine",
    RefineEntityParams,
    RefineEntityResult,
    "Have a model change an entity; what the change is not about stays as it is.",
    errors=_GENERATION_ERRORS,
    emits=_GENERATION_EMITS,
)
VALIDATE = Request(
    "entity/validate",
    ValidateEntityParams,
    ValidateEntityResult,
    "Check one entity, saved or not, against the schema and the links of the repository.",
    errors=(REPOSITORY_NOT_FOUND,),
)
LIST = Request(
    "entity/list",
    ListEntitiesParams,
    ListEntitiesResult,
    "The entities of the repository, by pages.",
    errors=(REPOSITORY_NOT_FOUND,),
)
GET = Request(
    "entity/get",
    GetEntityParams,
    GetEntityResult,
    "One entity: its values, its text, its place.",
    errors=(REPOSITORY_NOT_FOUND, ENTITY_NOT_FOUND),
)
NEXT_ID = Request(
    "entity/nextId", NextIdParams, NextIdResult, "The next free id of a type.", errors=(REPOSITORY_NOT_FOUND,)
)
SAVE = Request(
    "entity/save",
    SaveEntityParams,
    SaveEntityResult,
    "Write an entity, keeping comments, order and style of what does not change.",
    errors=(REPOSITORY_NOT_FOUND, INVALID_ENTITY, CONFLICT, PATH_FORBIDDEN, STORAGE_FAILED),
    serialize_by=lambda params: params.repo_path or "",
)
