"""The JSON Schemas that entities are held to: the repository's own, else the built-in ones."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ckservice import contract
from ckservice.context.finding import Finding
from ckservice.context.folder import Folder
from ckservice.context.types import ENTITY_TYPES, EntityType
from ckservice.context.yaml.reading import decode
from ckservice.nesting import is_deeper

FOLDER = ".context/schemas"
_ENDING = ".schema.json"
_MAX_BYTES = 1_000_000
_MAX_DEPTH = 100
_TOO_DEEP = (f"is nested more than {_MAX_DEPTH} levels deep", 1, 1)
_OTHER_NAMES: dict[EntityType, str] = {"governance": "constitution"}
"""What a type's schema is called where there is none by its own name."""

_NAMES = frozenset(f"{name}{_ENDING}" for name in (*ENTITY_TYPES, *_OTHER_NAMES.values()))


@dataclass(frozen=True, eq=False)
class SchemaFile:
    """A JSON file in the folder of schemas, whether it holds a schema or not.

    Attributes:
        path: relative to the repository, with `/`.
        document: the JSON object in it; `None` where there is none.
        problem: why there is none, with its line and column.
        hash: SHA-256 of its bytes, in hexadecimal; empty where they could not be read.
    """

    path: str
    document: Mapping[str, Any] | None
    problem: tuple[str, int, int] | None
    hash: str

    @property
    def name(self) -> str:
        """By which others refer to it."""
        return self.path.rpartition("/")[2]

    @cached_property
    def finding(self) -> Finding | None:
        """What is wrong with it. Slow for the first file of a process."""
        message, line, column = self.problem or (self._not_a_schema(), 1, 1)
        if message is None:
            return None
        return Finding(
            kind="schema",
            file=self.path,
            line=line,
            column=column,
            message=f"The file {message}",
            severity="error" if self.name in _NAMES else "warning",
        )

    def _not_a_schema(self) -> str | None:
        from ckservice.json_schema import schema_problem  # noqa: PLC0415 - jsonschema takes 70 ms to import

        assert self.document is not None
        try:
            return schema_problem(dict(self.document))
        except (AttributeError, TypeError, ValueError):  # where "$schema" is no URL
            return 'has a "$schema" that is not the URL of one'


@dataclass(frozen=True, eq=False)
class Schema:
    """The schema of one type.

    Attributes:
        document: the JSON Schema.
        file: of the repository that it stands in; `None` for the built-in one.
        version: changes when the schema does, or one that it may refer to.
        related: the repository's schemas that it may refer to, itself among them, by the names of their files; each
            may also be meant by its `$id`.
    """

    type: EntityType
    document: Mapping[str, Any]
    file: str | None
    version: str
    related: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Schemas:
    """One schema for each type.

    Attributes:
        files: the repository's own, by their paths.
    """

    files: Mapping[str, SchemaFile]

    @cached_property
    def by_type(self) -> Mapping[EntityType, Schema]:
        """The schemas in force: where the repository's file is not a schema, that is the built-in one."""
        return {entity_type: self._own(entity_type) or built_in(entity_type) for entity_type in ENTITY_TYPES}

    @cached_property
    def problems(self) -> tuple[Finding, ...]:
        """What is wrong with the repository's own schemas."""
        return tuple(file.finding for file in self.files.values() if file.finding is not None)

    def _own(self, entity_type: EntityType) -> Schema | None:
        names = (f"{name}{_ENDING}" for name in (entity_type, _OTHER_NAMES.get(entity_type)))
        file = next((self._named[name] for name in names if name in self._named), None)
        if file is None or file.document is None or file.finding is not None:
            return None
        return Schema(entity_type, file.document, file.path, self._version(file), self._related)

    @cached_property
    def _named(self) -> dict[str, SchemaFile]:
        """Those that may be a type's, by name: one further down is only referred to, one elsewhere is linked to."""
        return {
            file.name: file
            for path, file in self.files.items()
            if path == f"{FOLDER}/{file.name}" or not path.startswith(f"{FOLDER}/")
        }

    @cached_property
    def _related(self) -> Mapping[str, Mapping[str, Any]]:
        sound = (file for file in self.files.values() if file.finding is None)
        return {file.name: file.document for file in sound if file.document is not None}

    def _version(self, file: SchemaFile) -> str:
        hashes = [file.hash, *(f"{other.name} {other.hash}" for other in self.files.values())]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


@lru_cache
def built_in(entity_type: EntityType) -> Schema:
    """The built-in schema of a type."""
    document = contract.load(f"entities/{entity_type}.json")
    version = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return Schema(entity_type, document, None, version, {})


def built_in_schemas() -> Schemas:
    """The built-in schemas of all types."""
    return Schemas({})


def schema_folder(root: str) -> Folder[SchemaFile]:
    """The repository's own schemas, read again when they change."""
    return Folder(root, FOLDER, (_ENDING,), max_bytes=_MAX_BYTES, read=_read, refuse=_refuse)


def _read(path: str, data: bytes) -> SchemaFile:
    document, problem = _parse(data)
    return SchemaFile(path, document, problem, hashlib.sha256(data).hexdigest())


def _refuse(path: str, reason: str) -> SchemaFile:
    return SchemaFile(path, None, (reason, 1, 1), "")


def _parse(data: bytes) -> tuple[dict[str, Any] | None, tuple[str, int, int] | None]:
    """The object in a JSON file, or why there is none, and where."""
    text, problem = decode(data)
    if problem is not None:
        return None, (problem.message, problem.line, problem.column)
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return None, (f"is not JSON: {error.msg}", error.lineno, error.colno)
    except ValueError as error:  # a number that is none of JSON's, or has thousands of digits
        return None, (f"is not JSON: {error}", 1, 1)
    except RecursionError:
        return None, _TOO_DEEP
    if is_deeper(document, _MAX_DEPTH):
        return None, _TOO_DEEP
    return (document, None) if isinstance(document, dict) else (None, ("is not a JSON object", 1, 1))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")
