"""Structured output: what a model wrote, checked against the schema that was asked for."""

import re
from typing import Any

import anyio
import orjson

from ckservice.errors import InvalidArguments, InvalidOutput


async def parse(text: str, schema: dict[str, Any]) -> Any:
    """Parse an answer and validate it.

    Raises:
        InvalidOutput: it is not JSON, or does not fit.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidOutput("The model did not answer in JSON.", errors=[], candidate=text) from None
    problems = await anyio.to_thread.run_sync(_problems, value, schema)
    if problems:
        raise InvalidOutput("The model's answer does not fit the schema.", errors=problems, candidate=value)
    return value


async def check_schema(schema: dict[str, Any], path: str) -> None:
    """Find out whether a schema is one, before a model is asked to follow it.

    Raises:
        InvalidArguments: it is not, with `path` naming the parameter.
    """
    problem = await anyio.to_thread.run_sync(_schema_problem, schema)
    if problem is not None:
        raise InvalidArguments([{"path": path, "message": problem}])


def _problems(value: Any, schema: dict[str, Any]) -> list[dict[str, str]]:
    from ckservice import json_schema  # noqa: PLC0415 - takes 70 ms: only for those who need it

    try:
        return json_schema.problems(value, schema)
    except RecursionError:
        return [{"path": "$", "message": "the schema refers to itself without end"}]
    except re.error:  # where the metaschema does not ask for a regular expression
        return [{"path": "$", "message": "the schema holds a pattern that is no regular expression"}]


def _schema_problem(schema: dict[str, Any]) -> str | None:
    from ckservice import json_schema  # noqa: PLC0415 - as above

    return json_schema.schema_problem(schema)
