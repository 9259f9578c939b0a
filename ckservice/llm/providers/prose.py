"""What a prompt says, taken apart without a model: a title, a story, and statements that can stand in a list."""

import re
from dataclasses import dataclass
from functools import cached_property

_MAX_TITLE = 80
_MAX_STATEMENTS = 20
_MAX_LEAD = 1_000
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)])\s+")
_ROLE = re.compile(r"\bas an?\s+", re.IGNORECASE)
_WANT = re.compile(r",?\s+I\s+(?:want|need|would like)\s+", re.IGNORECASE)
_BENEFIT = re.compile(r",?\s+so\s+that\s+", re.IGNORECASE)
_END = re.compile(r"[.!?](?:\s|$)|\n(?!\s*so\s+that)", re.IGNORECASE)
_STOP = re.compile(r"[.!?\n]")
_MAX_STORY = 2_000
_MAX_ROLE = 200


@dataclass(frozen=True)
class Prose:
    """A prompt.

    Attributes:
        text: all of it.
    """

    text: str

    @cached_property
    def title(self) -> str:
        """The first sentence, as far as a title goes."""
        first = self._story[1].removeprefix("to ") if self._story else next(iter(self._sentences), "")
        first = first[:1].upper() + first[1:].rstrip(".!?:;, ")
        if len(first) <= _MAX_TITLE:
            return first
        return first[: _MAX_TITLE - 1].rpartition(" ")[0].rstrip(",;: ") + "\u2026"

    @property
    def role(self) -> str:
        """Who wants something."""
        return self._story[0] if self._story else "user"

    @property
    def want(self) -> str:
        """What is wanted."""
        return self._story[1] if self._story else self.title

    @property
    def benefit(self) -> str:
        """To what end, as far as the prompt says so."""
        return (self._story and self._story[2]) or "the need behind this request is met"

    @cached_property
    def statements(self) -> list[str]:
        """The items of its lists; where there are none its sentences behind the first, else that one."""
        lines = self.text.splitlines()
        bullets = [_line(_BULLET.sub("", line)) for line in lines if _BULLET.match(line)]
        further = [sentence for sentence in self._sentences[1:] if sentence.strip(".!?")]
        found = bullets or further or self._sentences[:1]
        return list(dict.fromkeys(filter(None, found)))[:_MAX_STATEMENTS]

    @property
    def lead(self) -> str:
        """What is said outside of lists."""
        text = _line("\n".join(line for line in self.text.splitlines() if not _BULLET.match(line)))
        return text[:_MAX_LEAD] or self.title

    @cached_property
    def sections(self) -> str:
        """The prompt as Markdown: what it is about, and what it asks for."""
        about = next(iter(self._sentences), "")
        demands = "\n".join(f"- {statement}" for statement in self.statements)
        return f"## Purpose\n\n{about}\n\n## Requirements\n\n{demands}\n"

    @cached_property
    def _sentences(self) -> list[str]:
        parts = (_line(_BULLET.sub("", part)) for part in _SENTENCE.split(self.text.strip()))
        return [part for part in parts if part]

    @cached_property
    def _story(self) -> tuple[str, str, str] | None:
        """Role, want and benefit of "As a ..., I want ..., so that ..."; the last may be empty."""
        role = _ROLE.search(self.text)
        text = self.text[role.end() : role.end() + _MAX_STORY] if role is not None else ""
        want = _WANT.search(text)
        if want is None or want.start() > _MAX_ROLE or _STOP.search(text, 0, want.start()):
            return None
        end = _END.search(text, want.end())
        told = text[want.end() : end.start() if end is not None else None]
        wanted, _, benefit = _BENEFIT.sub("\0", told, count=1).partition("\0")
        return _line(text[: want.start()]), _line(wanted), _line(benefit)


def _line(text: str) -> str:
    return " ".join(text.split())
