"""Validation against JSON Schemas that others wrote. Slow to import (jsonschema): import it where it is needed."""

from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

_MAX_PROBLEMS = 50


def schema_problem(schema: dict[str, Any]) -> str | None:
    """Why a schema is not one; `None` if it is."""
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return f"is not a valid JSON Schema at {error.json_path}"
    return None


def problems(value: Any, schema: dict[str, Any]) -> list[dict[str, str]]:
    """What about a value does not fit, as `{path, message}`, in the order of the paths."""
    # With an empty registry nothing is fetched, whatever the schema refers to.
    validator = validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())
    try:
        found = sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    except Unresolvable as error:
        return [{"path": "$", "message": f"the schema refers to {error.ref}, which it does not define"}]
    return [{"path": error.json_path, "message": error.message[:500]} for error in found[:_MAX_PROBLEMS]]
