"""Structured output: an answer in the form that was asked for, whatever it takes.

A provider is asked in the best way that it has (`dialects.Rung`) and, where it refuses that, in the next. However it
was asked, its answer is validated against the caller's schema; if it does not fit, the model is told and asked again.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from ckservice.errors import FormatRefused, InvalidArguments, InvalidOutput
from ckservice.llm.attempts import Ask
from ckservice.llm.structured.dialects import Dialect, Rung
from ckservice.llm.structured.json_text import MAX_DEPTH, find_json
from ckservice.nesting import is_deeper
from ckservice.types import Answer, AnswerEvent, ChatRequest, Message, Progress, ResponseFormat, Usage

if TYPE_CHECKING:
    from ckservice.llm.structured.strict_schema import Form

_MAX_TOLD = 20
_MAX_TOLD_CHARS = 200
"""Problems that a model is told of, and the characters of each."""

_TOO_DEEP = {"path": "$", "message": "is nested too deeply"}
_INSTRUCTION = "Answer with JSON that fits this JSON Schema and with nothing else, without a code fence:\n"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When an answer that has a form is good enough.

    Attributes:
        max_repairs: how many times the model is asked again for one that is not.
        check: finds what is wrong with a value beyond its schema, as `{path, message}`. It is called on a worker thread.
    """

    max_repairs: int = 2
    check: Callable[[Any], list[dict[str, str]]] | None = None


USUAL = Acceptance()


async def stream(
    ask: Ask, dialect: Dialect, rungs: dict[str, Rung], request: ChatRequest, acceptance: Acceptance = USUAL
) -> AsyncGenerator[AnswerEvent]:
    """Answer a request in the form of its `response_format`.

    The `Answer` holds the value as `parsed`, unless its finish reason is another than `stop`: what was cut short,
    filtered or is a call of tools is neither parsed nor repaired. Answers that had to be repaired are streamed like any
    other; `usage` is that of all.

    Args:
        ask: answers one request.
        dialect: how the provider is asked for a form.
        rungs: by model, what is known to work best; what is learned is added.
        request: the schema in it is that of the caller.
        acceptance: what else the answer must be, and how often it may be repaired.

    Raises:
        InvalidOutput: the last answer did not fit either, as for every schema that nothing fits. Where it is the schema
            that can't be applied (it refers to nothing, or to itself without end), the model is not asked again.
        FormatRefused: the provider refuses the request even with the schema in the prompt alone.
        ProviderError: it failed otherwise.
    """
    assert request.response_format is not None
    max_repairs = acceptance.max_repairs if dialect.can_repair else 0
    conversation = _Conversation(request, request.response_format, dialect, acceptance)
    await conversation.prepare(rungs.get(request.model))
    for repair in range(1, max_repairs + 2):
        async with aclosing(conversation.events(ask)) as events:
            async for event in events:
                yield event
        answer = conversation.answer
        reading = await conversation.read() if answer.finish_reason == "stop" else None
        if reading is None or not reading.problems:
            if conversation.has_stepped_down:
                rungs[request.model] = conversation.rung
            yield answer if reading is None else replace(answer, content=reading.text, parsed=reading.value)
            return
        if repair > max_repairs:
            raise reading.error()
        yield Progress(
            "repair", f"The answer does not have the form that was asked for. Repair {repair} of {max_repairs}."
        )
        conversation.tell(reading)


async def check_schema(schema: dict[str, Any], path: str) -> None:
    """Find out whether a schema is one, before a model is asked to follow it.

    Raises:
        InvalidArguments: it is not, with `path` naming the parameter.
    """
    problem = await anyio.to_thread.run_sync(_schema_problem, schema, abandon_on_cancel=True)
    if problem is not None:
        raise InvalidArguments([{"path": path, "message": problem}])


def _schema_problem(schema: dict[str, Any]) -> str | None:
    from ckservice import json_schema  # noqa: PLC0415 - takes 70 ms: only for those who need it

    return json_schema.schema_problem(schema)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was found in an answer.

    Attributes:
        text: JSON, of which `value` is made; all of the answer where there is none.
        problems: `{path, message}` for each thing that does not fit.
    """

    text: str
    value: Any
    problems: list[dict[str, str]]
    is_json: bool = True

    def error(self) -> InvalidOutput:
        """The answer that nothing more is expected to come of."""
        message = "The model's answer does not fit the schema." if self.is_json else "The model did not answer in JSON."
        return InvalidOutput(message, errors=self.problems, candidate=self.value if self.is_json else self.text)


def _read(text: str, schema: dict[str, Any], form: "Form | None", *, in_prose: bool) -> _Reading:
    """Look for the value in a text. Slow: for a worker thread."""
    from ckservice import json_schema  # noqa: PLC0415 - as above

    found = find_json(text, in_prose=in_prose)
    if found is None:
        return _Reading(text, None, [{"path": "$", "message": "is not JSON"}], is_json=False)
    bare, parsed = found
    try:
        value = form.restore(parsed) if form is not None else parsed
        value, problems = (value, [_TOO_DEEP]) if is_deeper(value, MAX_DEPTH) else json_schema.fitted(value, schema)
    except json_schema.Undecidable as undecidable:
        problems = [{"path": "$", "message": undecidable.message}]
        raise _Reading(bare, parsed, problems).error() from None
    except RecursionError:
        value, problems = parsed, [_TOO_DEEP]
    if problems == [_TOO_DEEP]:
        return _Reading(bare, parsed, problems)
    return _Reading(bare if value == parsed else orjson.dumps(value).decode("utf-8"), value, problems)


class _Conversation:
    """One question through all its tries: what to ask next, and what it has taken so far.

    Attributes:
        rung: how the provider is asked now.
        has_stepped_down: whether a better way failed.
        answer: the last one, with the usage of all.
    """

    rung: Rung
    answer: Answer

    def __init__(self, request: ChatRequest, wanted: ResponseFormat, dialect: Dialect, acceptance: Acceptance) -> None:
        self.has_stepped_down = False
        self._request = request
        self._wanted = wanted
        self._dialect = dialect
        self._acceptance = acceptance
        self._lower: list[Rung] = []
        self._form: Form | None = None
        self._usage: Usage | None = None
        self._repair: tuple[Message, ...] = ()

    async def prepare(self, known: Rung | None) -> None:
        """Choose the best way, which is a known one if there is."""
        rungs = list(self._dialect.rungs)
        self._lower = rungs[rungs.index(known) if known is not None else 0 :]
        if "strict" in self._lower:
            self._form = await anyio.to_thread.run_sync(
                self._dialect.translate, self._wanted.schema_, abandon_on_cancel=True
            )
            if self._form is None:
                self._lower.remove("strict")
        self.rung = self._lower.pop(0)

    async def events(self, ask: Ask) -> AsyncGenerator[AnswerEvent]:
        """Ask, in the next way where one is refused; all that comes but the answer itself."""
        is_refused = True
        while is_refused:
            has_begun = is_refused = False
            try:
                async with aclosing(ask(self._next_request())) as events:
                    async for event in events:
                        if isinstance(event, Answer):
                            self._usage = event.usage if self._usage is None else self._usage + event.usage
                            self.answer = replace(event, usage=self._usage)
                        else:
                            has_begun = has_begun or not isinstance(event, Progress)
                            yield event
            except FormatRefused:
                if has_begun or not self._lower:
                    raise
                is_refused = self.has_stepped_down = True
                self.rung = self._lower.pop(0)

    async def read(self) -> _Reading:
        """Look for the value in the last answer.

        Raises:
            InvalidOutput: it can't be said whether it fits.
        """
        return await anyio.to_thread.run_sync(self._read, abandon_on_cancel=True)

    def _read(self) -> _Reading:
        form = self._form if self.rung == "strict" else None
        reading = _read(self.answer.content, self._wanted.schema_, form, in_prose=self.rung == "prompt")
        if reading.problems or self._acceptance.check is None:
            return reading
        return replace(reading, problems=self._acceptance.check(reading.value))

    def tell(self, reading: _Reading) -> None:
        """Let the next request say what was wrong with the last answer.

        A provider that lets anything but JSON through enforces nothing: the prompt has to say what is wanted then.
        """
        told = [
            f"{problem['path']}: {problem['message'][:_MAX_TOLD_CHARS]}" for problem in reading.problems[:_MAX_TOLD]
        ]
        text = "\n- ".join(["Your answer does not have the form that it must have:", *told])
        correction = Message(
            role="user", content=f"{text}\nAnswer again: all of it, corrected, as JSON and nothing else."
        )
        candidate = self.answer.content.strip()
        self._repair = (Message(role="assistant", content=candidate), correction) if candidate else (correction,)
        if not reading.is_json and not self._dialect.also_in_prompt and self._lower:
            self.rung, self._lower, self.has_stepped_down = "prompt", [], True

    def _next_request(self) -> ChatRequest:
        wanted: ResponseFormat | None = self._wanted
        if self.rung == "strict" and self._form is not None:
            wanted = self._wanted.model_copy(update={"schema_": self._form.schema})
        elif self.rung == "prompt":
            wanted = None
        messages = (*self._request.messages, *self._repair)
        if wanted is None or self._dialect.also_in_prompt:
            messages = _with_instruction(messages, (wanted or self._wanted).schema_)
        return replace(self._request, messages=messages, response_format=wanted, strict=self.rung == "strict")


def _with_instruction(messages: tuple[Message, ...], schema: dict[str, Any]) -> tuple[Message, ...]:
    """The schema in a message behind those of the system at the beginning."""
    place = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
    instruction = Message(role="system", content=_INSTRUCTION + orjson.dumps(schema).decode("utf-8"))
    return (*messages[:place], instruction, *messages[place:])
