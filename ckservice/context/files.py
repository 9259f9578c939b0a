"""The YAML files of a repository, read once for each content."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Any

from ckservice.context.entities import KINDS, NUMBERED_ID
from ckservice.context.types import EntityType
from ckservice.context.yaml.reading import FieldPath, Positions, Problem, decode, read, split

CONTEXTS = "contexts"
ENDINGS = (".yaml", ".yml")

_MAX_ID = 256
_MAX_TITLE = 200
_FOLDERS: dict[str, EntityType] = {
    **{name: kind.type for kind in KINDS.values() for name in (kind.folder, kind.type, f"{kind.type}s")},
    "story": "userstory",
    "stories": "userstory",
    "specification": "spec",
    "specifications": "spec",
    "constitution": "governance",
}
_FIELDS: dict[EntityType, frozenset[str]] = {
    "governance": frozenset({"principles", "compliance"}),
    "userstory": frozenset({"asA", "iWant", "soThat"}),
    "feature": frozenset({"userStories", "requires", "produces", "objective", "acceptance"}),
    "task": frozenset({"doneCriteria", "steps"}),
    "package": frozenset({"uses", "version"}),
    "service": frozenset({"api", "consumers", "dependencies"}),
    "spec": frozenset({"related", "content"}),
}
"""What only entities of a type have; in this order, since the later ones say less."""

_PREFIXES = {kind.type: re.compile(kind.prefix + ("[0-9]" if kind.is_numbered else "")) for kind in KINDS.values()}
_ID_IN_NAME = re.compile(NUMBERED_ID)
_ID_LINE = re.compile(r"^id:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Entity:
    """One entity as it stands in a file.

    Attributes:
        id: as written; guessed from the file's name where it is missing, no text, or longer than any id.
        data: the whole of it, as JSON values. It is shared: nobody changes it.
        file: that it stands in.
        document: its place among the documents of the file, from 0.
    """

    id: str
    type: EntityType
    data: dict[str, Any]
    file: "File" = field(repr=False)
    document: int

    @property
    def path(self) -> str:
        """Of its file, relative to the repository, with `/`."""
        return self.file.path

    @property
    def title(self) -> str:
        """What to show people: one line of at most 200 characters."""
        value = self.data.get(KINDS[self.type].title)
        words = " ".join(value[: 2 * _MAX_TITLE].split()) if isinstance(value, str) else ""
        return (words if len(words) <= _MAX_TITLE else f"{words[: _MAX_TITLE - 1]}…") or self.id

    @property
    def status(self) -> str | None:
        value = self.data.get("status")
        return value if isinstance(value, str) else None

    @property
    def yaml(self) -> str:
        """The text of its document, as it stands in the file."""
        return split(self.file.text)[self.document]

    def position(self, path: FieldPath = (), *, key: bool = False) -> tuple[int, int]:
        """Line and column of a value; see `Positions.of`."""
        return self.file.positions.of(path, self.document, key=key)


@dataclass(frozen=True, eq=False)
class File:
    """A YAML file under `contexts/`, as it was when it was read.

    Attributes:
        path: relative to the repository, with `/`.
        data: its bytes.
        hash: SHA-256 of its bytes, in hexadecimal; empty where they could not be read.
        problems: what has to be complained about, other than what its entities say.
        remarks: the same, where nothing is lost.
    """

    path: str
    data: bytes = field(repr=False)
    hash: str
    text: str = field(repr=False)
    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...] = ()

    @cached_property
    def positions(self) -> Positions:
        """Where its values stand. Takes as long as reading it: only findings need it."""
        return Positions(self.text)

    @property
    def unreadable_ids(self) -> tuple[str, ...]:
        """The ids that a file without entities most likely holds: links to them are not wrong."""
        if self.entities:
            return ()
        return tuple(_ID_LINE.findall(self.text)) or (_id_from_name(self.path),)


def read_file(path: str, data: bytes) -> File:
    """Read the bytes of a file. However odd they are, it is read as far as it goes, and the rest is complained about."""
    text, problem = decode(data)
    reading = read(text)
    # What can't be decoded explains whatever the parser would say of it.
    problems = [problem] if problem is not None else [*reading.problems]
    remarks: list[Problem] = []
    file = File(path, data, hashlib.sha256(data).hexdigest(), text, (), ())
    entities = []
    for place, value in enumerate(reading.documents):
        entity_type = type_of(path, value)
        if value is not None and entity_type is None:
            problems.append(Problem(_why_no_entity(value), *file.positions.of((), place)))
        elif entity_type is not None:
            entities.append(Entity(_id_of(value, path), entity_type, value, file, place))
    if not entities and not problems:
        remarks.append(Problem("holds nothing", 1, 1))
    # They refer to each other, and are frozen after this.
    vars(file).update(entities=tuple(entities), problems=tuple(problems), remarks=tuple(remarks))
    return file


def refuse_file(path: str, reason: str) -> File:
    """A file, or a folder, that is not read."""
    return File(path, b"", "", "", (), (Problem(reason, 1, 1),))


def type_of(path: str, data: Any) -> EntityType | None:
    """The type of an entity: what the folders that it is in say, else its id, else its fields.

    `None` where nothing tells, or what there is can't be an entity.
    """
    if not isinstance(data, dict):
        return None
    by_folder = _types_of_folders(path.rpartition("/")[0])
    if len(by_folder) == 1:
        return by_folder[0]
    entity_id = data.get("id")
    by_id = _type_of_id(entity_id) if isinstance(entity_id, str) else None
    if by_folder:  # the nearest, unless the id is of another one: `features/service/FEAT-001.yaml`
        return by_id if by_id in by_folder else by_folder[0]
    return by_id or next((entity_type for entity_type, names in _FIELDS.items() if names & data.keys()), None)


@lru_cache(maxsize=4096)
def type_of_folder(name: str) -> EntityType | None:
    """The type that a folder is for: `user-stories`, `UserStories` and `userstory` are one."""
    return _FOLDERS.get(re.sub(r"[^a-z]", "", name.lower()))


@lru_cache(maxsize=4096)
def _types_of_folders(path: str) -> tuple[EntityType, ...]:
    """The types that the folders of a path are for, the innermost first."""
    return tuple(found for name in reversed(path.split("/")) if (found := type_of_folder(name)) is not None)


def _type_of_id(entity_id: str) -> EntityType | None:
    return next((entity_type for entity_type, prefix in _PREFIXES.items() if prefix.match(entity_id)), None)


def _why_no_entity(value: Any) -> str:
    if isinstance(value, dict):
        return "holds an entity of no known type: neither its folder nor its id or fields tell"
    found = "a list" if isinstance(value, list) else "text" if isinstance(value, str) else "a single value"
    return f"holds {found}, not an entity"


def _id_of(data: dict[str, Any], path: str) -> str:
    value = data.get("id")
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_ID else _id_from_name(path)


def _id_from_name(path: str) -> str:
    stem = PurePosixPath(path).stem
    found = _ID_IN_NAME.match(stem)
    return found.group() if found is not None else stem
