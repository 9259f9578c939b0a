"""From a wish to a valid entity."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

from ckservice import errors
from ckservice.context.files import CONTEXTS
from ckservice.context.git.repository import Git
from ckservice.context.repositories import Repositories
from ckservice.context.repository import Repository
from ckservice.context.saving import Saved
from ckservice.context.validation.model import EntityProblem
from ckservice.generation.context import PROJECT
from ckservice.generation.model import GenerationMetadata, GenerationSource
from ckservice.generation.planning import Plan, plan_change, plan_new
from ckservice.generation.result import Written, save, write
from ckservice.generation.wish import Wish
from ckservice.llm.gateway import Gateway
from ckservice.llm.structured.asking import Acceptance
from ckservice.settings import ProviderConfig
from ckservice.types import Answer, ChatRequest, Progress, ReasoningDelta, ResponseFormat, TextDelta, Usage


@dataclass(frozen=True, slots=True)
class Generated:
    """A valid entity. It is the last event of the stream.

    Attributes:
        yaml: the text of its file.
        path: of its file, relative to the repository, with `/`.
        problems: that do not make it invalid.
        diff: unified, against what was there before.
    """

    entity: dict[str, Any]
    yaml: str
    path: str
    problems: list[EntityProblem]
    sources: list[GenerationSource]
    metadata: GenerationMetadata
    diff: str
    saved: Saved | None = None


_NO_MODEL = (
    "No model is connected, and what can be made without one does not fit the rules of this repository; "
    "choose a provider in the settings."
)
_CUT = "The answer was longer than the model may write; raise maxTokens, or ask for less."

GenerationEvent = TextDelta | ReasoningDelta | Progress | Usage | Generated


async def generate(
    gateway: Gateway, repositories: Repositories, repository: Repository | None, wish: Wish, config: ProviderConfig
) -> AsyncGenerator[GenerationEvent]:
    """Ask a model until its answer is a valid entity.

    Args:
        gateway: to the provider.
        repositories: reads the one that is meant.
        repository: `None` for an entity of no repository: the built-in schema, and nothing to link to.
        wish: what is wanted.
        config: resolved.

    Raises:
        ProviderError: no provider answered, or the model refused.
        InvalidOutput: the last answer was not valid either, or was cut short.
        EntityNotFound: one of the linked entities does not exist, or the one that is to be changed.
        InvalidArguments: nothing is wanted, or it can't be linked as it should be.
        InvalidEntity: the schema in force allows no such entity.
        Conflict, StorageFailed: it could not be saved; nothing was written.
    """
    started = perf_counter()
    _check(wish)
    is_offline = config.provider in (None, "offline")
    today = datetime.now(UTC).date().isoformat()
    yield Progress("context", "Reading the repository." if repository is not None else "Reading the schema.")
    make_plan = plan_change if wish.is_change else plan_new
    hidden = await _ignored(repository, wish)
    plan = await repositories.read(
        repository, lambda snapshot: make_plan(snapshot, wish, hidden=hidden, is_offline=is_offline)
    )
    answer: Answer | None = None
    async with aclosing(_ask(gateway, plan, wish, config)) as events:
        async for event in events:
            if isinstance(event, Answer):
                answer = event
            else:
                yield event
    assert answer is not None, "a gateway's stream ends with an answer or an error"
    yield answer.usage
    value = _value(answer)
    written = await repositories.run(lambda: write(plan, plan.entity(value), today=today))
    saved: Saved | None = None
    if wish.save and repository is not None:
        yield Progress("saving", "Saving the entity.")
        saved, written = await repositories.write(partial(save, repository, plan, written, today=today))
    yield _generated(plan, written, answer, saved, started)


def _check(wish: Wish) -> None:
    if not wish.prompt.strip():
        raise errors.InvalidArguments(
            [{"path": "instruction" if wish.is_change else "userPrompt", "message": "says nothing"}],
            user_message="The request is empty; say what is wanted.",
        )


async def _ignored(repository: Repository | None, wish: Wish) -> frozenset[str]:
    """The files that Git ignores: what is kept out of it is kept from models, too, unless it is what is to be changed."""
    if repository is None or not (wish.use_context or wish.linked_feature_id or wish.linked_ids):
        return frozenset()
    return await Git(repository.root).ignored([CONTEXTS, PROJECT])


async def _ask(
    gateway: Gateway, plan: Plan, wish: Wish, config: ProviderConfig
) -> AsyncGenerator[TextDelta | ReasoningDelta | Progress | Answer]:
    wanted = ResponseFormat(type="json_schema", name=plan.entity_type, schema_=plan.schema)
    request = ChatRequest(plan.messages, config.model or "", response_format=wanted)
    acceptance = Acceptance(wish.max_repairs, plan.problems)
    try:
        async with aclosing(gateway.stream(request, config, "off", acceptance)) as events:
            async for event in events:
                yield event
    except errors.InvalidOutput as error:
        found = [{**problem, "path": _plain_path(problem["path"])} for problem in error.errors]
        message = "The model did not write a valid entity."
        told = _NO_MODEL if config.provider in (None, "offline") else error.user_message
        raise errors.InvalidOutput(message, errors=found, candidate=error.candidate, user_message=told) from None


def _value(answer: Answer) -> Any:
    """The value of an answer that came to its end.

    Raises:
        ContentFiltered: the model refused, or was stopped.
        InvalidOutput: the answer is cut short, or none.
    """
    if answer.finish_reason == "stop":
        return answer.parsed
    if answer.finish_reason == "contentFilter":
        raise errors.ContentFiltered("The model refused to write the entity.", provider=answer.provider)
    is_cut = answer.finish_reason == "length"
    raise errors.InvalidOutput(
        "The answer was cut short before the entity was complete." if is_cut else "The model did not answer.",
        errors=[{"path": "", "message": "is cut short" if is_cut else "is no entity"}],
        candidate=answer.content,
        user_message=_CUT if is_cut else None,
    )


def _plain_path(path: str) -> str:
    """A JSON path as paths in entities are shown: `$.steps[0]` is `steps[0]`."""
    return path.removeprefix("$").removeprefix(".")


def _generated(plan: Plan, written: Written, answer: Answer, saved: Saved | None, started: float) -> Generated:
    metadata = GenerationMetadata(
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        duration_ms=round((perf_counter() - started) * 1000, 2),
        model=answer.model,
        provider=answer.provider,
        attempts=answer.attempts,
        cost_usd=answer.usage.cost_usd,
    )
    return Generated(
        written.entity,
        written.yaml,
        written.path,
        written.problems,
        [piece.source for piece in plan.pieces],
        metadata,
        written.diff,
        saved,
    )
