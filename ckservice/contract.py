"""The generated contract, as the running process needs it: without building a single model.

Reading `schemas/` costs a fraction of a millisecond; pydantic and the models behind it cost a hundred.
That is what lets `initialize` be answered before they are imported.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from ckservice import __version__


def schemas_directory() -> str:
    """Where the generated files are: inside an installed package, beside a checked-out one."""
    here = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(here, "schemas")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(here), "schemas")


def load(name: str) -> dict[str, Any]:
    """Read one generated JSON file, by its path below `schemas/`."""
    with open(os.path.join(schemas_directory(), name), encoding="utf-8") as file:
        value: dict[str, Any] = json.load(file)
    return value


def initialize_result(meta: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `initialize` answers, given `meta.json` and the settings so far (a valid, possibly partial object)."""
    disabled = (settings.get("methods") or {}).get("disabled") or ()
    limits = settings.get("limits") or {}
    given = {name: limits[name] for name in meta["limits"] if limits.get(name) is not None}
    return {
        "protocolVersion": meta["protocolVersion"],
        "schemaHash": meta["schemaHash"],
        "serverInfo": {"name": "ckservice", "version": __version__, "pid": os.getpid()},
        "capabilities": {
            "methods": [name for name in meta["methods"] if name not in disabled],
            "notifications": meta["notifications"],
            "providers": meta["providers"],
            "tools": meta["tools"],
        },
        "limits": {**meta["limits"], **given},
    }


def fits(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether a value certainly fits a schema of ours.

    No is no verdict: what this doesn't understand, or doesn't like, is left to the models, which also
    say why. `root` holds `$defs`.
    """
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, member, root) for member in schema["anyOf"])
    if not schema.keys() <= _UNDERSTOOD:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kind = schema.get("type")
    if type(value) not in _TYPES.get(kind, ()):
        return False
    if kind == "object":
        return _object_fits(value, schema, root)
    if kind == "array":
        return all(fits(item, schema.get("items", {}), root) for item in value)
    if kind in ("integer", "number"):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _object_fits(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    return value.keys() >= set(schema.get("required", ())) and all(
        fits(item, properties[name], root)
        if name in properties
        else others is True or (others is not False and fits(item, others, root))
        for name, item in value.items()
    )


_TYPES: dict[Any, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_UNDERSTOOD = frozenset(
    {
        "$defs",
        "additionalProperties",
        "default",
        "description",
        "enum",
        "items",
        "maximum",
        "minimum",
        "properties",
        "required",
        "title",
        "type",
    }
)
