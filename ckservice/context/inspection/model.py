"""What `repository/inspect` says."""

from typing import Literal

from pydantic import Field

from ckservice.context.finding import FindingSeverity
from ckservice.context.git.model import GitState
from ckservice.context.graph.model import GraphEdge, GraphNode
from ckservice.context.types import EntityType
from ckservice.model import Maybe, Model

Priority = Literal["high", "medium", "low"]

GapKind = Literal[
    "noContexts",
    "danglingLinks",
    "noConstitution",
    "unratifiedConstitution",
    "reviewOverdue",
    "featureWithoutAcceptance",
    "featureWithoutObjective",
    "featureWithoutOwners",
    "featureWithoutStories",
    "featureWithoutSpecs",
    "featureWithoutTasks",
    "inProgressFeatureWithoutTasks",
    "doneFeatureWithOpenTasks",
    "userStoryWithoutCriteria",
    "userStoryWithoutFeature",
    "specWithoutContent",
    "specWithoutRelations",
    "taskWithoutDoneCriteria",
    "taskWithoutOwner",
    "taskWithoutSteps",
    "taskWithoutFeature",
    "blockedTaskUnderActiveFeature",
    "serviceWithoutApiVersion",
    "serviceWithoutConsumers",
    "packageUnused",
    "orphan",
]


class TypeCount(Model):
    """How many entities of one type there are."""

    total: int
    by_status: dict[str, int] = Field(description="By the value of `status`, for types that have one.")


class Overview(Model):
    """The repository at a glance."""

    entities: int
    types: dict[EntityType, TypeCount]
    errors: int = Field(description="Findings of `repository/validate`.")
    warnings: int
    git: GitState


class Gap(Model):
    """Something that is not there."""

    kind: GapKind
    entity_id: Maybe[str] = None
    message: str
    severity: FindingSeverity


class Recommendation(Model):
    """Something to do, for which the repository gives the reason."""

    priority: Priority
    action: str
    entity_ids: list[str]


class Inspection(Model):
    """What a repository is like."""

    overview: Overview
    entities: list[GraphNode]
    relationships: list[GraphEdge]
    gaps: list[Gap]
    recommendations: list[Recommendation]
