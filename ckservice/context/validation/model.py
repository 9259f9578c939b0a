"""What `repository/validate` and `entity/validate` say."""

from pydantic import Field

from ckservice.context.finding import Finding, FindingSeverity
from ckservice.context.types import EntityType
from ckservice.model import Maybe, Model


class AppliedException(Model):
    """A rule that an entity need not follow, and by what right."""

    exception_id: str
    rule_id: str
    entity_id: str
    expires_on: str | None


class ValidationStats(Model):
    """What was looked at."""

    files: int
    entities: int
    by_type: dict[EntityType, int]
    rules: int = Field(description="Governance rules that were applied.")
    errors: int
    warnings: int
    exceptions: list[AppliedException] = Field(description="Violations that a governance exception allows.")
    duration_ms: float


class Report(Model):
    """What is wrong with a repository."""

    ok: bool = Field(description="Whether there is no finding of severity `error`.")
    stats: ValidationStats
    errors: list[Finding] = Field(description="All findings, warnings too, by file and line.")


class EntityProblem(Model):
    """One thing that is wrong."""

    path: str = Field(description="As `acceptanceCriteria[2]`; empty for the whole.")
    message: str
    line: Maybe[int] = Field(None, description="From 1; for YAML.")
    column: Maybe[int] = Field(None, description="From 1; for YAML.")
    severity: FindingSeverity
