"""Whether what entities name is there: links to nothing, to the wrong type, to themselves, one-sided ones, and cycles."""

from collections.abc import Iterable, Mapping, Sequence

from ckservice.context.entities import KINDS
from ckservice.context.fields import find, format_path, parse_path
from ckservice.context.files import Entity
from ckservice.context.graph.cycles import cycles
from ckservice.context.graph.links import Reference
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.context.validation.issue import Issue, listed, shortened, shown

_ACYCLIC = ("depends-on", "requires", "uses")
_INVERSES = frozenset(link.inverse for kind in KINDS.values() for link in kind.links)
_MAX_GUESSES = 30
_MAX_CANDIDATES = 1000
"""Looking through so many for what somebody meant takes 10 ms."""
_MAX_SHOWN = 12


class Names:
    """What the links of a repository may name. It belongs to one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._alike: dict[str, str] | None = None
        self._searches = 0
        self._guesses: dict[tuple[str, tuple[EntityType, ...]], str | None] = {}

    def of(self, entity_id: str) -> Sequence[Entity]:
        """The entities with an id: several where it is a duplicate."""
        found = self._snapshot.duplicates.get(entity_id)
        if found is None:
            entity = self._snapshot.entities.get(entity_id)
            return () if entity is None else (entity,)
        return found

    def has(self, entity_id: str, targets: tuple[EntityType, ...]) -> bool:
        """Whether there is an entity with an id, and of one of these types."""
        entity = self._snapshot.entities.get(entity_id)
        if entity is None or entity.type in targets:
            return entity is not None
        return any(other.type in targets for other in self.of(entity_id))

    def may_exist(self, entity_id: str) -> bool:
        """Whether a file that can't be read most likely holds it."""
        return entity_id in self._snapshot.unreadable_ids

    def meant_by(self, text: str, targets: tuple[EntityType, ...]) -> str | None:
        """The id that somebody may have meant who wrote another one."""
        key = (text, targets)
        if key not in self._guesses:
            self._guesses[key] = self._guess(text, targets)
        return self._guesses[key]

    def _guess(self, text: str, targets: tuple[EntityType, ...]) -> str | None:
        if self._alike is None:
            self._alike = {_bare(entity_id): entity_id for entity_id in reversed(self._snapshot.entities)}
        same = self._alike.get(_bare(text))
        if same is not None and self._snapshot.entities[same].type in targets:
            return same
        # One number is as like another as the next: only names tell what was meant.
        named = tuple(target for target in targets if not KINDS[target].is_numbered)
        self._searches += bool(named)
        if not named or self._searches > _MAX_GUESSES:
            return None
        from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

        ids = [entity.id for entity in self._snapshot.entities.values() if entity.type in named]
        return next(iter(get_close_matches(text[:100], ids[:_MAX_CANDIDATES], n=1, cutoff=0.75)), None)


def _bare(entity_id: str) -> str:
    """An id without what people get wrong: case, dashes, zeros in front of its number."""
    letters = "".join(character for character in entity_id.lower() if character.isalnum())
    word = letters.rstrip("0123456789")
    return word + letters[len(word) :].lstrip("0")


def target_issue(reference: Reference, names: Names) -> Issue | None:
    """What is wrong with what one reference names, as an error."""
    targets = reference.link.targets
    if names.has(reference.target, targets) and reference.target != reference.source.id:
        return None
    found = f'{format_path(reference.path)} is "{shortened(reference.target)}"'
    if reference.target == reference.source.id:
        return Issue("reference", "error", reference.path, f"{found}, the entity itself; expected another one")
    named = names.of(reference.target)
    if not named and names.may_exist(reference.target):
        return None
    expected = listed([KINDS[target].name for target in targets])
    if named:
        message = f"{found}, which is a {KINDS[named[0].type].name}; expected a {expected}"
    else:
        guess = names.meant_by(reference.target, targets)
        message = f"{found}, but there is no such {expected}" + (f"; did you mean {shortened(guess)}?" if guess else "")
    return Issue("reference", "error", reference.path, message)


def repeated_issues(references: Iterable[Reference]) -> list[tuple[Entity, Issue]]:
    """Ids that stand in one list of an entity more than once, as warnings at all places but the first."""
    first: dict[tuple[str, int, str, str], Reference] = {}
    found = []
    for reference in references:
        if isinstance(reference.path[-1], str):  # the field holds a single id
            continue
        source = reference.source
        before = first.setdefault((source.path, source.document, reference.link.field, reference.target), reference)
        if before is not reference:
            message = (
                f'{format_path(reference.path)} is "{shortened(reference.target)}", '
                f"which {format_path(before.path)} is too; expected each id once"
            )
            found.append((source, Issue("reference", "warning", reference.path, message)))
    return found


class BackLinks:
    """All links of a repository, to find those that only one side knows."""

    def __init__(self, references: Iterable[Reference]) -> None:
        self._known = {
            (each.source.id, each.link.field, each.target) for each in references if each.link.field in _INVERSES
        }

    def issue(self, reference: Reference, names: Names) -> Issue | None:
        """A warning where the named entity should name this one, and does not."""
        link, source = reference.link, reference.source
        if link.inverse is None or (reference.target, link.inverse, source.id) in self._known:
            return None
        named = [entity for entity in names.of(reference.target) if entity.type in link.targets]
        if not named or not any(other.field == link.inverse for other in KINDS[named[0].type].links):
            return None
        there = f"{link.inverse} of {shortened(reference.target)}"
        actual, wanted = find(named[0].data, parse_path(link.inverse)), f'"{shortened(source.id)}"'
        is_wrong = f"{there} to be {wanted}, but it is {shown(actual)}"
        expected = is_wrong if isinstance(actual, str) else f"{there} to name {wanted} in turn"
        message = f'{format_path(reference.path)} is "{shortened(reference.target)}"; expected {expected}'
        return Issue("reference", "warning", reference.path, message)


def cycle_issues(references: Iterable[Reference]) -> list[tuple[Entity, Issue]]:
    """The cycles over depends-on, requires and uses: a shortest one for each knot, where the link stands that closes it.

    What the references name has a type that the link allows, or is not there.
    """
    edges: dict[tuple[str, str], Reference] = {}
    successors: dict[str, list[str]] = {}
    for reference in references:
        start, end, relation = reference.edge
        if relation in _ACYCLIC and edges.setdefault((start, end), reference) is reference:
            successors.setdefault(start, []).append(end)
    return [_cycle_issue(ids, edges) for ids in cycles(successors)]


def _cycle_issue(ids: Sequence[str], edges: Mapping[tuple[str, str], Reference]) -> tuple[Entity, Issue]:
    closing = edges[ids[-1], ids[0]]
    way = [*ids, ids[0]]
    if len(way) > _MAX_SHOWN:
        half = _MAX_SHOWN // 2
        way = [*way[:half], f"{len(way) - 2 * half} more", *way[-half:]]
    message = f"{' → '.join(shortened(step, 60) for step in way)} is a cycle; expected {format_path(closing.path)} to lead to something else"
    return closing.source, Issue("cycle", "error", closing.path, message)
