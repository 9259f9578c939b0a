"""What `repository/impact` says."""

from typing import Any, Literal

from pydantic import Field

from ckservice.context.finding import Finding, FindingSeverity
from ckservice.context.types import EntityType
from ckservice.model import Maybe, Model

ChangeStatus = Literal["added", "removed", "renamed", "modified", "unreadable", "given"]


class FieldChange(Model):
    """One field that is not what it was."""

    path: str = Field(
        description="As `acceptanceCriteria[2]`, in the new state, or in the old one where there is nothing now; "
        "empty where the whole entity was added or removed, or hardly anything is as it was."
    )
    before: Maybe[Any] = Field(
        None, description="Left out where there was nothing. Cut, as text, where it is very long."
    )
    after: Maybe[Any] = Field(None, description="Left out where there is nothing now.")


class ChangedEntity(Model):
    """An entity that is not what it was."""

    id: str
    type: EntityType
    status: ChangeStatus = Field(
        description="`renamed`: its file has another name. `unreadable`: the file is broken, now or in the base, so that "
        "nobody can tell whether it changed. `given`: it was named in the request."
    )
    file: str
    previous_file: Maybe[str] = Field(None, description="Where it was, if it was somewhere else.")
    changes: list[FieldChange]


class ImpactedEntity(Model):
    """An entity that is reached from a changed one."""

    id: str
    distance: int = Field(description="Links to the nearest changed entity.")
    via: list[str] = Field(description="Ids on the way, from the changed entity to the one before this.")
    reason: str


class StaleEntity(Model):
    """An entity that a rule wants looked at again."""

    id: str
    rule_id: str
    severity: FindingSeverity
    status: Maybe[str] = Field(None, description="What the rule would have its status be, such as `needs-review`.")
    reason: str


class Impact(Model):
    """What has changed, and what that means."""

    base: Maybe[str] = Field(
        None,
        description="The commit that was compared with, in hexadecimal. Left out before the first one, and where "
        "`entityIds` are given and Git can't be used.",
    )
    changed: list[ChangedEntity]
    impacted: list[ImpactedEntity]
    stale: list[StaleEntity]
    problems: list[Finding] = Field(description="Rules that can't be applied as they are written, and why.")
