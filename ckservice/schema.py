"""From the protocol's declarations to `schemas/`: JSON Schema 2020-12, TypeScript, and a page to read.

The bundle holds every method, notification, error kind and model. Its canonical form is hashed, and the
hash is what `initialize` answers with: two builds with the same hash speak the same contract.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from ckservice import protocol
from ckservice.context.entities import KINDS
from ckservice.jsonrpc.batch import MAX_MESSAGES
from ckservice.jsonrpc.ledger import MAX_OUTPUT_BYTES
from ckservice.jsonrpc.method import Notification, Request
from ckservice.llm.gateway import PROVIDERS
from ckservice.methods_page import methods_page
from ckservice.protocol.errors import KINDS as ERROR_KINDS, ErrorData
from ckservice.settings import LimitSettings
from ckservice.typescript import protocol_ts, zod_ts

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Direction = Literal["hostToService", "serviceToHost"]


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas without what nobody reads: titles made from names, and null as a default."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if schema.get("default") is None:  # a serializer may have made text of it
            result.pop("default", None)
        return result


def bundle() -> dict[str, Any]:
    """The whole contract as one JSON Schema document."""
    requests = [*protocol.REQUESTS, *protocol.HOST_REQUESTS]
    notifications = [*protocol.HOST_NOTIFICATIONS, *protocol.NOTIFICATIONS]
    return {
        "$schema": DIALECT,
        "title": "ckservice protocol",
        "description": "Newline-delimited JSON-RPC 2.0 on stdin and stdout. Generated; the models are the source.",
        "protocolVersion": protocol.VERSION,
        "resources": _resources(),
        "methods": {request.name: _method(request) for request in requests},
        "notifications": {notification.name: _notification(notification) for notification in notifications},
        "entities": {kind.type: _reference(kind.model) for kind in KINDS.values()},
        "errors": {
            "data": _reference(ErrorData),
            "kinds": {
                kind.name: {"code": kind.code, "retryable": kind.retryable, "summary": kind.summary}
                for kind in ERROR_KINDS
            },
        },
        "$defs": _definitions(requests, notifications),
    }


def canonical_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document as JSON with sorted keys, no spaces and ASCII only."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def generate() -> dict[str, str]:
    """Every generated file: its path below `schemas/` and its text."""
    document = bundle()
    schema_hash = canonical_hash(document)
    files = {
        "protocol.json": _json(document),
        "meta.json": _json(_meta(schema_hash)),
        "methods.md": methods_page(document),
        "typescript/protocol.ts": protocol_ts(document, schema_hash),
        "typescript/zod.ts": zod_ts(document),
    }
    for name, method in document["methods"].items():
        files[f"methods/{name.replace('/', '.')}.json"] = _json(_method_document(name, method, document["$defs"]))
    for name, reference in document["entities"].items():
        files[f"entities/{name}.json"] = _json(_entity_document(name, reference, document["$defs"]))
    return files


def write(directory: Path) -> list[str]:
    """Write the generated files and delete those that are not generated any more; return what changed."""
    changed = check(directory)
    files = generate()
    for name in changed:
        path = directory / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()
    return changed


def check(directory: Path) -> list[str]:
    """The generated files that differ from what is in a directory, are missing there or should not be."""
    files = generate()
    folders = ("methods", "entities")
    found = {f"{folder}/{path.name}" for folder in folders for path in (directory / folder).glob("*.json")}
    stale = found - files.keys()
    return sorted(stale | {name for name, text in files.items() if _read(directory / name) != text})


def first_difference(ours: Any, theirs: Any, path: str = "") -> str | None:
    """Where two documents first differ, as a sentence; `None` where they don't."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            below = f"{path}/{name}"
            if name not in theirs:
                return f"{below} is only in this version"
            if name not in ours:
                return f"{below} is only in the other version"
            if difference := first_difference(ours[name], theirs[name], below):
                return difference
        return None
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return next((found for place, pair in pairs if (found := first_difference(*pair, f"{path}/{place}"))), None)
    return (
        None
        if ours == theirs
        else f"{path} is {json.dumps(ours)} in this version and {json.dumps(theirs)} in the other"
    )


def _resources() -> dict[str, Any]:
    """What the methods that a host can call are about: the files they are declared in, and their first lines."""
    declared: dict[str, Any] = {}
    for request in protocol.REQUESTS:
        module = next(
            module for module in vars(protocol).values() if request in getattr(module, "__dict__", {}).values()
        )
        summary = (module.__doc__ or "").partition("\n")[0]
        resource = declared.setdefault(module.__name__.rpartition(".")[2], {"summary": summary, "methods": []})
        resource["methods"].append(request.name)
    return declared


def _method(request: Request[Any, Any]) -> dict[str, Any]:
    return {
        "summary": request.summary,
        "direction": _direction(request in protocol.REQUESTS),
        "params": _reference(request.params),
        "result": _reference(request.result),
        "errors": [kind.name for kind in request.errors],
        "emits": [notification.name for notification in request.emits],
    }


def _notification(notification: Notification[Any]) -> dict[str, Any]:
    return {
        "summary": notification.summary,
        "direction": _direction(notification in protocol.HOST_NOTIFICATIONS),
        "params": _reference(notification.params),
    }


def _direction(is_from_host: bool) -> Direction:
    return "hostToService" if is_from_host else "serviceToHost"


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _definitions(
    requests: Iterable[Request[Any, Any]], notifications: Iterable[Notification[Any]]
) -> dict[str, JsonSchemaValue]:
    received = {request.params for request in requests} | {notification.params for notification in notifications}
    sent = {request.result for request in requests} | {kind.model for kind in KINDS.values()} | {ErrorData}
    modes = [(model, "validation") for model in received] + [(model, "serialization") for model in sent - received]
    ordered: Any = sorted(modes, key=lambda entry: entry[0].__name__)
    _, document = models_json_schema(ordered, schema_generator=_Generator, ref_template="#/$defs/{model}")
    # Settings differ by direction: what comes may be null. Pydantic tells them apart by suffix.
    text = json.dumps(document["$defs"]).replace('-Input"', 'Patch"').replace('-Output"', '"')
    definitions: dict[str, JsonSchemaValue] = json.loads(text)
    for definition in definitions.values():
        definition.pop("title", None)  # it repeats the name
    return dict(sorted(definitions.items()))


def _meta(schema_hash: str) -> dict[str, Any]:
    limits = LimitSettings()
    return {
        "protocolVersion": protocol.VERSION,
        "schemaHash": schema_hash,
        "methods": [request.name for request in protocol.REQUESTS],
        "notifications": [notification.name for notification in protocol.NOTIFICATIONS],
        "providers": list(PROVIDERS),
        "tools": [],
        "limits": {
            "maxInFlight": limits.max_in_flight,
            "maxLineBytes": limits.max_line_bytes,
            "maxMessageBytes": MAX_OUTPUT_BYTES,
            "maxBatchSize": MAX_MESSAGES,
        },
    }


def _method_document(name: str, method: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """One method by itself: its entry, and the definitions it needs."""
    needed: dict[str, Any] = {}
    _collect([method["params"], method["result"]], definitions, needed)
    return {"$schema": DIALECT, "title": name, **method, "$defs": dict(sorted(needed.items()))}


def _entity_document(name: str, reference: Mapping[str, str], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The built-in schema of one type of entity, with the definitions it needs."""
    needed: dict[str, Any] = {}
    _collect([reference], definitions, needed)
    whole = needed.pop(reference["$ref"].rpartition("/")[2])
    document = {"$schema": DIALECT, "title": name, **whole}
    return {**document, "$defs": dict(sorted(needed.items()))} if needed else document


def _collect(value: Any, definitions: Mapping[str, Any], needed: dict[str, Any]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, definitions, needed)
    elif isinstance(value, dict):
        name = str(value.get("$ref", "")).rpartition("/")[2]
        if name and name not in needed:
            needed[name] = definitions[name]
            _collect(definitions[name], definitions, needed)
        _collect([item for key, item in value.items() if key != "$ref"], definitions, needed)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8") if path.is_file() else None
