"""YAML as untidy as people write it, made from data."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from ckservice.context.yaml.comparing import same
from ckservice.context.yaml.emitting import fits_literal, is_plain, literal_lines, quoted

Path = tuple[str | int, ...]

WORDS = ["a", "b c", "T-001", "@owner", "it's", 'say "x"', "yes", "1.0", "", "caf\u00e9 \u2014 \u201cx\u201d", "x: y", "# no", "-", "C:\\dir", "\U0001f600 fine"]  # fmt: skip
TEXTS = [*WORDS, "one\ntwo\n", "one\n\nthree", "some words that go on and\nmore of them\n", "keep\n\n", "  in\nout\n", "tab\there\n"]  # fmt: skip
NAMES = ["id", "title", "status", "owners", "tasks", "related", "x y", "on", "1", "\u00fcber", "a:b", "#c"]


def value(random: Random, depth: int = 3) -> Any:
    """JSON as entities have it."""
    kind = random.random()
    if depth == 0 or kind < 0.5:
        return random.choice([None, True, False, 0, 1, 2.5, -3, *TEXTS, *TEXTS])
    if kind < 0.75:
        return [value(random, depth - 1) for _ in range(random.randrange(5))]
    return mapping(random, depth - 1)


def mapping(random: Random, depth: int = 3, least: int = 0) -> dict[str, Any]:
    names = random.sample(NAMES, random.randrange(least, 5))
    return {name: value(random, depth) for name in names}


def change(random: Random, data: Any, path: Path = ()) -> tuple[Any, str, Path]:
    """Data with one thing changed in it; what was done (`set`, `add`, `remove`, `move`), and to which value."""
    inner = list(data.items()) if isinstance(data, dict) else list(enumerate(data)) if isinstance(data, list) else []
    deeper = [name for name, child in inner if isinstance(child, dict | list)]
    if deeper and random.random() < 0.5:
        name: Any = random.choice(deeper)
        changed, what, where = change(random, data[name], (*path, name))
        copy = data.copy()
        copy[name] = changed
        return copy, what, where
    copy = data.copy()
    what = random.choice(["set", "set", "add", "remove", "move"]) if inner else "add"
    name = random.choice(inner)[0] if inner else 0
    if what == "set":
        other = value(random, 1)
        copy[name] = other if not same(other, data[name]) else "quite other"
    elif what == "add" and isinstance(copy, dict):
        name = random.choice([free for free in [*NAMES, "new"] if free not in copy])
        copy[name] = value(random, 2)
    elif what == "add":
        name = random.randrange(len(copy) + 1)
        copy.insert(name, value(random, 2))
    elif what == "move" and isinstance(copy, list):
        copy.insert(random.randrange(len(copy)), copy.pop(name))
        return copy, "move", path
    else:
        what = "remove"
        del copy[name]
    return copy, what, (*path, name)


@dataclass
class Ugly:
    """Writes data as YAML, each time in another style.

    Attributes:
        lines: what is written, and about which value each line is.
    """

    random: Random
    anchors: bool = False
    lines: list[tuple[Path, str]] = field(default_factory=list)
    _named: dict[str, Any] = field(default_factory=dict)

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def text(self, data: dict[str, Any]) -> str:
        random = self.random
        line_break = random.choice(["\n", "\n", "\r\n"])
        start = random.choice(["", "", "---\n", "# about the file\n\n", "\n", "%YAML 1.1\n---\n"])
        self.lines = [((), line) for line in start.splitlines()]
        if data:
            self._mapping(data, random.choice([0, 0, 0, 2]), ())
        else:
            self.lines.append(((), "{}"))
        end = random.choice(["", "", "\n# the end\n", "\n\n"])
        if "+" not in self.lines[-1][1] and self.lines[-1][1].strip() and self._chance(0.5):
            self.lines += [((), line) for line in end.splitlines()]
        text = "".join(line + line_break for _, line in self.lines)
        return text.removesuffix(line_break) if self._chance(0.2) and self.lines[-1][1] else text

    def _notes(self, column: int, path: Path) -> None:
        if self.lines and not self.lines[-1][1].strip():
            return
        if self._chance(0.15):
            self.lines.append((path, ""))
        if self._chance(0.15):
            self.lines.append(
                (path, " " * column + self.random.choice(["# about it", "#", "# key: value", "# - item"]))
            )

    def _trailing(self) -> str:
        return self.random.choice(["  # note", " #", "\t# tab"]) if self._chance(0.15) else ""

    def _mapping(self, data: dict[str, Any], column: int, path: Path, lead: str | None = None) -> None:
        merged = self._merge(data) if self.anchors and self._chance(0.7) else None
        if merged is not None:
            name, data = merged
            self.lines.append((path, (lead if lead is not None else " " * column) + f"<<: *{name}"))
            lead = None
        for number, (name, inner) in enumerate(data.items()):
            if lead is None or number:
                self._notes(column, (*path, name))
                lead = " " * column
            self._entry(f"{lead}{self._key(name)}:", inner, column, (*path, name))

    def _merge(self, data: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        for name, source in self._named.items():
            if isinstance(source, dict) and source and all(key in data for key in source):
                return name, {key: inner for key, inner in data.items() if not same(inner, source.get(key, data))}
        return None

    def _key(self, name: str) -> str:
        if not is_plain(name, in_flow=True) or self._chance(0.1):
            return quoted(name) if self._chance(0.5) else "'" + name.replace("'", "''") + "'"
        return name

    def _sequence(self, data: list[Any], column: int, path: Path, lead: str | None = None) -> None:
        for number, inner in enumerate(data):
            if lead is None or number:
                self._notes(column, (*path, number))
                lead = " " * column
            self._entry(f"{lead}-", inner, column, (*path, number), is_item=True)

    def _entry(self, lead: str, data: Any, column: int, path: Path, *, is_item: bool = False) -> None:
        random = self.random
        if self.anchors:
            known = [name for name, other in self._named.items() if same(other, data)]
            if known and self._chance(0.7):
                self.lines.append((path, f"{lead} *{random.choice(known)}{self._trailing()}"))
                return
            if self._chance(0.3) and data is not None:
                name = f"n{len(self._named)}"
                self._plain_entry(f"{lead} &{name}", data, column, path, is_item=is_item, compact=False)
                self._named[name] = data
                return
        self._plain_entry(lead, data, column, path, is_item=is_item, compact=is_item and self._chance(0.7))

    def _plain_entry(self, lead: str, data: Any, column: int, path: Path, *, is_item: bool, compact: bool) -> None:
        random = self.random
        if isinstance(data, dict | list) and data and self._chance(0.8):
            write: Any = self._mapping if isinstance(data, dict) else self._sequence
            step = random.choice([0, 2, 2, 4]) if isinstance(data, list) and not is_item else random.choice([2, 2, 4])
            if compact:
                lead = lead + " " * random.choice([1, 1, 3])
                write(data, len(lead), path, lead)
                return
            self.lines.append((path, lead + self._trailing()))
            write(data, column + step, path)
        elif (
            isinstance(data, str)
            and fits_literal(data)
            and "\t" not in data
            and self._chance(0.7 if "\n" in data else 0.1)
        ):
            step = random.choice([1, 2, 4])
            head, *body = literal_lines(data, column + step, step)
            self.lines += [(path, f"{lead} {head}{self._trailing()}"), *((path, line) for line in body)]
        elif isinstance(data, list) and data and self._chance(0.3):
            self.lines.append((path, f"{lead} [{self._trailing()}"))
            for number, inner in enumerate(data):
                comma = "," if number + 1 < len(data) or self._chance(0.5) else ""
                self.lines.append(
                    ((*path, number), f"{' ' * (column + 3)}{self._flow(inner)}{comma}{self._trailing()}")
                )
            self.lines.append((path, " " * (column + 1) + "]" + self._trailing()))
        else:
            self.lines.append((path, f"{lead} {self._flow(data, in_flow=False)}".rstrip(" ") + self._trailing()))

    def _flow(self, data: Any, *, in_flow: bool = True) -> str:
        random = self.random
        if isinstance(data, list):
            return "[" + random.choice([", ", ",", " , "]).join(self._flow(inner) for inner in data) + "]"
        if isinstance(data, dict):
            inner = ", ".join(f"{self._key(name)}: {self._flow(inner)}" for name, inner in data.items())
            return f"{{ {inner} }}" if self._chance(0.3) else f"{{{inner}}}"
        if data is None:
            return random.choice(["null", "~"]) if in_flow else random.choice(["null", "~", ""])
        if isinstance(data, bool):
            return random.choice(["true", "True"] if data else ["false", "FALSE"])
        if not isinstance(data, str):
            return str(data)
        if is_plain(data, in_flow=in_flow) and self._chance(0.7):
            return data
        if "\n" not in data and "\t" not in data and self._chance(0.5):
            return "'" + data.replace("'", "''") + "'"
        return quoted(data)
