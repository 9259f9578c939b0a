"""`chat/complete` with a `responseFormat`: how the value is found in what a model wrote, and validated."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from ckservice.json_schema import Undecidable, problems
from ckservice.llm.structured.json_text import find_json
from tests.providers import openai
from tests.providers.openai import in_turn
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='ab"{}[]\u00e9', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
PROSE = st.text(alphabet="ab .:\n")
Serve = Callable[[Script], Server]

PLAIN = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
REFUSED = openai.sending(400, openai.refusing("invalid_json_schema", param="text.format.schema"))


@pytest.fixture(scope="module")
def sidecar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with openai.running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


def form(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "name": "form", "schema": schema}


def saying(text: str) -> Script:
    return openai.answering(*openai.begin(), *openai.text(text), openai.completed())


def chat(sidecar: Sidecar, server: Server, schema: Any = PLAIN, **params: Any) -> Any:
    """The result of asking OpenAI's API for a form, or the error."""
    return sidecar.call("chat/complete", openai.ask(server.url, responseFormat=form(schema), **params))


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff\n {"age": 7} \r\n',
        '```json\n{"age": 7}\n```',
        '```\n{"age": 7}```',
        '```{"age": 7}```',
        'Here it is:\n```json\n{"age": 7}\n```\nEnjoy!',
        'Here it is: {"age": 7}. Enjoy {this}!',
        '<think>[hm</think>{"age": 7}',
        "[" * 40 + '{"age": 7}',
    ],
)
def test_a_model_that_was_only_asked_may_write_around_its_json(sidecar: Sidecar, serve: Serve, text: str) -> None:
    server = serve(in_turn(REFUSED, REFUSED, saying(text)))
    result = chat(sidecar, server)
    assert (result["content"], result["parsed"]) == ('{"age": 7}', {"age": 7})


@pytest.mark.parametrize(
    "text",
    [
        '{"age": 7} or {"age": 8}',
        "seven",
        '{"age": 7',
        "[" * 100_000,
        "{" * 1000,
        '{"age": NaN}',
        '{"age":' * 300,
        "7 8",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_json_is_handed_back(sidecar: Sidecar, serve: Serve, text: str) -> None:
    error = chat(sidecar, serve(in_turn(REFUSED, REFUSED, saying(text))))
    assert error["data"]["kind"] == "invalidOutput"
    assert error["data"]["errors"] == [{"path": "$", "message": "is not JSON"}]
    assert error["data"]["candidate"] == text


def test_nulls_stand_for_members_that_are_left_out(sidecar: Sidecar, serve: Serve) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "null"}, "c": {"$ref": "#"}}}
    server = serve(in_turn(REFUSED, saying('{"a": null, "b": null, "c": {"a": null, "b": null}}')))
    result = chat(sidecar, server, schema)
    assert result["parsed"] == {"b": None, "c": {"b": None}}
    assert json.loads(result["content"]) == result["parsed"]


@pytest.mark.parametrize("depth", [190, 260, 2000])
def test_what_is_nested_deeply_does_no_harm(sidecar: Sidecar, serve: Serve, depth: int) -> None:
    text = "[" * depth + "]" * depth
    answer = chat(sidecar, serve(in_turn(REFUSED, saying(text))), {})
    assert json.dumps(answer.get("parsed")) == text if depth < 200 else answer["data"]["kind"] == "invalidOutput"


def test_a_pattern_that_takes_for_ever_elsewhere_takes_no_time(sidecar: Sidecar, serve: Serve) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    text = json.dumps({"a": "a" * 64 + "!"})
    assert chat(sidecar, serve(saying(text)), schema)["data"]["errors"][0]["path"] == "$.a"


@pytest.mark.source
def test_a_validation_that_takes_too_long_is_given_up() -> None:
    branches = [{"properties": {"next": {"$ref": "#"}, "kind": {"const": kind}}, "required": ["kind"]} for kind in "ab"]
    value: dict[str, Any] = {"kind": "z"}
    for _ in range(30):
        value = {"next": value, "kind": "z"}
    with pytest.raises(Undecidable, match="too long"):
        problems(value, {"anyOf": branches}, max_seconds=0.05)


@pytest.mark.parametrize("keyword", ["items", "const"])
def test_a_schema_that_is_nested_deeply_is_refused(sidecar: Sidecar, serve: Serve, keyword: str) -> None:
    nested: Any = {}
    for _ in range(300):
        nested = {"items": nested}
    error = chat(sidecar, serve(saying("{}")), {keyword: nested})
    assert (error["data"]["kind"], error["data"]["errors"][0]["path"]) == ("invalidParams", "responseFormat.schema")


@pytest.mark.source
@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("b", "abc", "ac"),
        ("^[a-z]+$", "abc", "abc\n"),
        ("^\\d{3}-\\w$", "123-a", "123-"),
        (r"^\<b\>$", "<b>", "b"),
        ("^[a[]$", "[", "b"),
        ("^(?!x)", "y", "x"),
        ("^(a{500}){500}$", "a" * 250_000, "a"),
    ],
)
def test_patterns_mean_what_they_mean_in_json_schema(pattern: str, fitting: str, other: str) -> None:
    schema = {"type": "string", "pattern": pattern}
    assert [len(problems(value, schema)) for value in (fitting, other)] == [0, 1]


@pytest.mark.source
@pytest.mark.parametrize("schema", [{"pattern": r"^(.)\1$"}, {"patternProperties": {"(?<=a)b": False}}])
def test_patterns_that_may_take_for_ever_are_not_tried(schema: dict[str, Any]) -> None:
    with pytest.raises(Undecidable, match="look-around or back-references"):
        problems("text" if "pattern" in schema else {"name": 1}, schema)


@pytest.mark.source
@given(value=VALUES, before=PROSE, after=PROSE, fence=st.sampled_from(["```", "```json\n", None]))
@settings(deadline=None)
def test_json_is_found_wherever_it_stands(value: Any, before: str, after: str, fence: str | None) -> None:
    text = json.dumps(value, ensure_ascii=False)
    found = [find_json(text), find_json(f"{before}{fence}{text}```{after}" if fence else f" {text}\n")]
    if isinstance(value, list | dict):
        found.append(find_json(f"{before} {text} {after}", in_prose=True))
    assert found == [(text, value)] * len(found)


@pytest.mark.source
@given(text=st.text() | st.text(alphabet='[]{}",:1`\n '), in_prose=st.booleans())
@settings(deadline=None)
def test_what_is_found_is_json(text: str, in_prose: bool) -> None:
    found = find_json(text, in_prose=in_prose)
    assert found is None or (found[0] in text and json.loads(found[0]) == found[1])
