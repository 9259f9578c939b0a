"""The context repository as a whole."""

from datetime import UTC, datetime
from functools import partial

from ckservice.app import Service
from ckservice.context.checkup import check_up
from ckservice.context.git.repository import Git
from ckservice.context.graph.building import build_graph
from ckservice.context.graph.drawing import draw
from ckservice.context.graph.model import Graph
from ckservice.context.impact.analysis import analyze
from ckservice.context.impact.model import Impact
from ckservice.context.inspection.inspecting import inspect
from ckservice.context.inspection.model import Inspection
from ckservice.context.snapshot import Snapshot
from ckservice.context.validation.model import Report
from ckservice.jsonrpc.call import Call
from ckservice.protocol.repository import GraphParams, ImpactParams, RepositoryParams

_DEPTH = 2
"""Links shown around an entity: its neighbours, and theirs."""


async def inspect_repository(service: Service, _call: Call, params: RepositoryParams) -> Inspection:
    repository = await service.repositories.find(params.repo_path)
    state = await Git(repository.root).state()
    return await service.repositories.read(repository, partial(inspect, git=state, today=_today()))


async def validate(service: Service, _call: Call, params: RepositoryParams) -> Report:
    repository = await service.repositories.find(params.repo_path)
    return await service.repositories.read(repository, partial(check_up, today=_today()))


async def graph(service: Service, _call: Call, params: GraphParams) -> Graph:
    def build(snapshot: Snapshot) -> Graph:
        depth = params.depth if params.depth is not None else _DEPTH
        built = build_graph(snapshot, focus=params.focus, depth=depth)
        return built if params.format == "json" else built.model_copy(update={"text": draw(built, params.format)})

    repository = await service.repositories.find(params.repo_path)
    return await service.repositories.read(repository, build)


async def impact(service: Service, _call: Call, params: ImpactParams) -> Impact:
    repository = await service.repositories.find(params.repo_path)
    return await analyze(
        service.repositories,
        repository,
        Git(repository.root),
        entity_ids=params.entity_ids,
        base=params.base,
        depth=params.depth,
    )


def _today() -> str:
    """The date in UTC, in ISO 8601: the same for everybody who looks at a repository."""
    return datetime.now(UTC).date().isoformat()
