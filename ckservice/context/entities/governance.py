"""Governance: the constitution of a repository, its principles and the rules that entities are held to."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ckservice.context.entities.kind import Kind
from ckservice.context.entities.model import ClosedPart
from ckservice.model import Maybe

Severity = Literal["critical", "high", "medium", "low"]
Target = Literal["global", "feature", "userstory", "spec", "task", "service", "package", "layer"]
Operator = Literal["exists", "nonEmpty", "equals", "notEquals", "includes", "matches", "greaterThan", "lessThan"]
Date = Annotated[str, Field(json_schema_extra={"format": "date"})]


class Layer(ClosedPart):
    """A part of the code."""

    id: str
    name: str
    paths: list[str]
    description: Maybe[str] = None


class Evidence(ClosedPart):
    """What shows that a requirement is met."""

    type: Literal["schema", "adr", "document", "url"]
    path: str
    description: Maybe[str] = None


class Requirement(ClosedPart):
    """Something that a principle demands."""

    id: str
    statement: str
    severity: Severity
    evidence: Maybe[list[Evidence]] = None


class Principle(ClosedPart):
    """A rule for people, and for an AI that writes."""

    id: str
    title: str
    summary: str
    details: Maybe[str] = None
    applies_to: list[Target]
    tags: Maybe[list[str]] = None
    non_negotiable: bool
    references: Maybe[list[str]] = None
    requirements: Maybe[list[Requirement]] = None


class Process(ClosedPart):
    """How the document itself is kept."""

    owners: list[str]
    review_cadence: Literal["per-release", "quarterly", "annually", "ad-hoc"]
    adr_references: Maybe[list[str]] = None
    change_control: Maybe[str] = None


class Condition(ClosedPart):
    """What must be true of an entity.

    `path` is dotted, with indexes and `.length`. `greaterThan` and `lessThan` compare numbers, or the length of a list
    or a string.
    """

    path: str
    operator: Operator
    value: Maybe[Any] = None
    message: Maybe[str] = None


class Rule(ClosedPart):
    """A rule that entities are checked against: all of its conditions must hold."""

    id: str
    description: str
    targets: list[Target]
    conditions: list[Condition]
    severity: Severity
    remediation: Maybe[str] = None
    references: Maybe[list[str]] = None


class ExceptionScope(ClosedPart):
    """What an exception is for; nothing where neither is given."""

    entities: Maybe[list[str]] = None
    layers: Maybe[list[str]] = None


class RuleException(ClosedPart):
    """A rule that need not be followed, by some and for some time."""

    id: str
    rule_id: str
    scope: ExceptionScope
    expires_on: Maybe[Date] = None
    justification: str
    mitigations: Maybe[list[str]] = None
    approvers: Maybe[list[str]] = None


class Compliance(ClosedPart):
    """The rules, and who need not follow them."""

    rules: list[Rule]
    exceptions: Maybe[list[RuleException]] = None


class Governance(ClosedPart):
    """The constitution of a repository."""

    id: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{2,}$")]
    name: str
    version: Annotated[
        str,
        Field(
            pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
            description="Semantic version, https://semver.org.",
        ),
    ]
    status: Literal["draft", "ratified", "deprecated"]
    ratified_on: Date
    last_amended_on: Maybe[Date] = None
    checksum: Maybe[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        None, description="SHA-256 of the file's lines without that of the checksum itself, in hexadecimal."
    )
    summary: Maybe[str] = None
    layers: Maybe[list[Layer]] = None
    principles: list[Principle]
    governance: Process
    compliance: Compliance


GOVERNANCE = Kind(
    Governance,
    "governance",
    name="governance document",
    folder="governance",
    prefix="CONST-",
    title="name",
    is_numbered=False,
)
