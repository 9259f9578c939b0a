"""Tasks: what somebody has to do."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.model import OpenPart
from ckservice.model import Maybe


class TaskRelated(OpenPart):
    """What a task is about."""

    feature: Maybe[str] = None
    spec: Maybe[str] = None
    service: Maybe[str] = None


class Task(OpenPart):
    """A piece of work."""

    id: Annotated[str, Field(pattern=r"^T-[0-9]{3,}$")]
    title: str
    status: Literal["todo", "doing", "done", "blocked", "needs-review"]
    related: Maybe[TaskRelated] = None
    owner: Maybe[str] = None
    steps: Maybe[list[str]] = None
    done_criteria: Maybe[list[str]] = None


TASK = Kind(
    Task,
    "task",
    name="task",
    folder="tasks",
    prefix="T-",
    title="title",
    links=(
        Link("related.feature", "belongs-to", ("feature",), inverse="tasks"),
        Link("related.spec", "implements", ("spec",)),
        Link("related.service", "modifies", ("service",)),
    ),
)
