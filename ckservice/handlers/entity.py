"""Entities of the context repository."""

from contextlib import aclosing
from functools import partial
from typing import Any

from ckservice.app import Service
from ckservice.context.catalog import next_id as find_next_id, page
from ckservice.context.files import Entity
from ckservice.context.repository import Repository
from ckservice.context.saving import Saved, save as save_entity
from ckservice.context.snapshot import Snapshot
from ckservice.context.validation.entity import check_entity, check_yaml
from ckservice.context.validation.model import EntityProblem
from ckservice.errors import InvalidArguments
from ckservice.generation.generating import Generated, generate as generate_entity
from ckservice.generation.wish import Wish
from ckservice.jsonrpc.call import Call
from ckservice.protocol import stream
from ckservice.protocol.entity import (
    EntitySummary,
    GenerateEntityParams,
    GenerateEntityResult,
    GetEntityParams,
    GetEntityResult,
    ListEntitiesParams,
    ListEntitiesResult,
    NextIdParams,
    NextIdResult,
    RefineEntityParams,
    RefineEntityResult,
    SaveEntityParams,
    SaveEntityResult,
    ValidateEntityParams,
    ValidateEntityResult,
)
from ckservice.settings import ProviderConfig
from ckservice.types import Progress, ReasoningDelta, TextDelta, Usage


async def list_entities(service: Service, _call: Call, params: ListEntitiesParams) -> ListEntitiesResult:
    repository = await service.repositories.find(params.repo_path)
    find = partial(page, entity_type=params.entity_type, query=params.query, cursor=params.cursor, limit=params.limit)
    found = await service.repositories.read(repository, find)
    return ListEntitiesResult(entities=[_summary(entity) for entity in found.entities], next_cursor=found.cursor)


async def get(service: Service, _call: Call, params: GetEntityParams) -> GetEntityResult:
    repository = await service.repositories.find(params.repo_path)
    entity = await service.repositories.read(repository, lambda snapshot: snapshot.get(params.entity_id))
    return GetEntityResult(
        entity=entity.data, yaml=entity.yaml, path=entity.path, hash=entity.file.hash, type=entity.type
    )


async def next_id(service: Service, _call: Call, params: NextIdParams) -> NextIdResult:
    repository = await service.repositories.find(params.repo_path)
    return NextIdResult(
        id=await service.repositories.read(repository, partial(find_next_id, entity_type=params.entity_type))
    )


def _summary(entity: Entity) -> EntitySummary:
    return EntitySummary(id=entity.id, type=entity.type, title=entity.title, status=entity.status, path=entity.path)


async def validate(service: Service, _call: Call, params: ValidateEntityParams) -> ValidateEntityResult:
    _one_of(params.entity, params.yaml, "entity", "yaml")
    repository = await service.repositories.find_if_named(params.repo_path)

    def check(snapshot: Snapshot) -> list[EntityProblem]:
        if params.yaml is not None:
            return check_yaml(params.yaml, params.entity_type, snapshot)
        return check_entity(params.entity, params.entity_type, snapshot)

    problems = await service.repositories.read(repository, check)
    return ValidateEntityResult(valid=all(problem.severity != "error" for problem in problems), errors=problems)


async def save(service: Service, _call: Call, params: SaveEntityParams) -> SaveEntityResult:
    _one_of(params.entity, params.yaml, "entity", "yaml")
    repository = await service.repositories.find(params.repo_path)
    saved = await service.repositories.write(
        lambda: save_entity(
            repository,
            params.yaml if params.yaml is not None else params.entity or {},
            entity_type=params.entity_type,
            path=params.path,
            expected_hash=params.expected_hash,
            dry_run=params.dry_run,
        )
    )
    return _save_result(saved)


async def generate(service: Service, call: Call, params: GenerateEntityParams) -> GenerateEntityResult:
    wish = Wish(
        params.entity_type,
        params.user_prompt,
        linked_feature_id=params.linked_feature_id,
        linked_ids=tuple(params.linked_ids or ()),
        max_repairs=params.max_repairs,
        use_context=params.use_context,
        save=params.save,
    )
    find = service.repositories.find if params.save else service.repositories.find_if_named
    generated = await _stream(service, call, await find(params.repo_path), wish, params.config)
    return GenerateEntityResult(**_members(generated))


async def refine(service: Service, call: Call, params: RefineEntityParams) -> RefineEntityResult:
    _one_of(params.entity_id, params.entity, "entityId", "entity")
    wish = Wish(
        params.entity_type,
        params.instruction,
        entity_id=params.entity_id,
        current=params.entity,
        max_repairs=params.max_repairs,
        use_context=params.use_context,
        save=params.save,
    )
    must_be_named = params.save or params.entity_id is not None
    find = service.repositories.find if must_be_named else service.repositories.find_if_named
    generated = await _stream(service, call, await find(params.repo_path), wish, params.config)
    return RefineEntityResult(**_members(generated), diff=generated.diff)


async def _stream(
    service: Service, call: Call, repository: Repository | None, wish: Wish, config: ProviderConfig | None
) -> Generated:
    resolved = service.gateway.resolve(config)
    async with aclosing(generate_entity(service.gateway, service.repositories, repository, wish, resolved)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    await call.send_text(stream.TOKEN, event.text)
                case ReasoningDelta():
                    await call.send_text(stream.REASONING, event.text)
                case Progress():
                    await call.send(stream.PROGRESS, phase=event.phase, message=event.message)
                case Usage():
                    await call.send(stream.USAGE, usage=event)
                case Generated():
                    return event
    raise AssertionError("a generation ends with an entity or an error")


def _members(generated: Generated) -> dict[str, Any]:
    """What the results of `generate` and `refine` have in common."""
    return {
        "entity": generated.entity,
        "yaml": generated.yaml,
        "path": generated.path,
        "valid": True,
        "errors": generated.problems,
        "sources": generated.sources,
        "metadata": generated.metadata,
        "saved": _save_result(generated.saved) if generated.saved is not None else None,
    }


def _save_result(saved: Saved) -> SaveEntityResult:
    return SaveEntityResult(path=saved.path, created=saved.created, hash=saved.hash, diff=saved.diff)


def _one_of(first: object, second: object, first_name: str, second_name: str) -> None:
    if (first is None) == (second is None):
        message = f"either this or {second_name} is required, not both"
        raise InvalidArguments([{"path": first_name, "message": message}])
