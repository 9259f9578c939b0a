"""The vocabulary of the context repository."""

from typing import Literal, get_args

EntityType = Literal["feature", "userstory", "spec", "task", "service", "package", "governance"]
ENTITY_TYPES: tuple[EntityType, ...] = get_args(EntityType)

Relation = Literal[
    "has-story",
    "has-spec",
    "has-task",
    "requires",
    "produces",
    "belongs-to",
    "impacts",
    "relates-to",
    "implements",
    "modifies",
    "depends-on",
    "uses",
]
"""What one entity is to another."""
