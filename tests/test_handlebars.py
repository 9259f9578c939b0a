"""Templates: what handlebars.js makes of them (recorded, see data/handlebars.mjs), what is refused, what is bounded."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ckservice.context.prompts.handlebars import Helper, TemplateError, render
from ckservice.context.prompts.handlebars.parsing import MAX_DEPTH
from ckservice.context.prompts.handlebars.rendering import MAX_OUTPUT, MAX_SOURCE, MAX_STEPS

pytestmark = pytest.mark.source

RECORDED = json.loads(Path(__file__).with_name("data").joinpath("handlebars.json").read_text("utf-8"))

HELPERS: dict[str, Helper] = {
    "hasItems": bool,
    "increment": lambda value: value + 1 if isinstance(value, int | float) else value,
    "padTaskId": lambda index: f"T{(index or 0) + 1:03}",
}


def fill(template: str, **data: Any) -> str:
    return render(template, data, helpers=HELPERS)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["template"][:60])
def test_writes_what_handlebars_js_writes(case: dict[str, str]) -> None:
    assert render(case["template"], RECORDED["data"], helpers=HELPERS) == case["output"]


@pytest.mark.parametrize(
    ("template", "output"),
    [
        ("{{items.0}} {{items.1.name}} {{items.2}}", "a b "),  # a syntax error in handlebars.js
        ("{{zero}}{{one}}", "01"),  # handlebars.js adds them, with `noEscape`
        ("{{increment}}", "mine"),  # a field, not the helper that would get nothing
        ("{{#each nothing}}[{{#if @first}}{{this}}{{/if}}]{{/each}}", "[]"),  # `[object Object]` in handlebars.js
        ("{{#each later}}{{@key}}{{/each}}", "b1a"),  # JavaScript moves the number to the front
    ],
)
def test_differs_from_handlebars_js_where_that_helps(template: str, output: str) -> None:
    data = {
        "items": ["a", {"name": "b"}],
        "zero": 0,
        "one": 1,
        "increment": "mine",
        "nothing": [None],
        "later": {"b": 0, "1": 0, "a": 0},
    }
    assert fill(template, **data) == output


@pytest.mark.parametrize(
    ("template", "message", "offset"),
    [
        ("a {{title", "the tag is not closed", 2),
        ("{{title}", "the tag is not closed", 0),
        ("{{title} {{b}}", "'}' does not belong in a tag", 7),
        ("{{{title}}", "found '}}'; expected }}}", 8),
        ("{{#if a}}x", "the block 'if' is not closed", 0),
        ("{{#if a}}{{#each b}}x{{/each}}", "the block 'if' is not closed", 0),
        ("{{#if a}}x{{/unless}}", "'unless' closes the block 'if'", 13),
        ("{{#if a}}{{#each b}}x{{/if}}{{/each}}", "'if' closes the block 'each'", 24),
        ("x{{/if}}", "found '{{/'; expected a tag or text outside of any block", 1),
        ("{{else}}", "found '{{else}}'; expected a tag or text outside of any block", 0),
        ("{{#if a}}x{{else}}y{{else}}z{{/if}}", "found '{{else}}'; expected {{/if}}", 19),
        ("{{^a}}x{{else if b}}y{{/a}}", "found '{{else'; expected {{/a}}", 7),
        ("{{}}", "found '}}'; expected a name", 2),
        ("{{a |}}", "found '|'; expected }}", 4),
        ("{{#each a as |}}{{/each}}", "found '}}'; expected the name of a block parameter", 14),
        ("{{#each a as |b}}{{/each}}", "found '}}'; expected the name of a block parameter", 15),
        ("{{#if (hasItems a}}x{{/if}}", "found '}}'; expected )", 17),
        ("{{a.this}}", "'this' does not belong in the middle of a path", 4),
        ("{{a/../b}}", "'..' does not belong in the middle of a path", 4),
        ("b {{! a", "the comment is not closed", 2),
        ("{{!-- a }}", "the comment is not closed", 0),
        ('{{lookup a "b}}', "the text is not closed", 11),
        ("{{> footer}}", "partials are not supported", 0),
        ("{{~> footer}}", "partials are not supported", 0),
        ("{{#> layout}}{{/layout}}", "partials are not supported", 0),
        ("{{* inline}}", "decorators are not supported", 0),
        ("{{#* inline 'a'}}{{/inline}}", "decorators are not supported", 0),
        ("{{{{raw}}}}{{{{/raw}}}}", "raw blocks are not supported", 0),
        ("{{nope a}}", "there is no helper 'nope'", 2),
        ("{{#nope a}}x{{/nope}}", "there is no helper 'nope'", 3),
        ("{{nope b=1}}", "there is no helper 'nope'", 2),
        ("{{#if (nope)}}x{{/if}}", "there is no helper 'nope'", 7),
        ("{{a.b c}}", "there is no helper 'a.b'", 2),
        ("{{this a}}", "there is no helper 'this'", 2),
        ("{{@root a}}", "there is no helper '@root'", 2),
        ("{{hasItems b=1}}", "`hasItems` needs an argument", 2),
        ("{{lookup a}}", "`lookup` needs 2 arguments", 2),
        ("{{#each}}x{{/each}}", "`#each` needs one argument", 3),
        ("{{#if a b}}x{{/if}}", "`#if` needs one argument", 3),
        ("{{with a}}", "`with` is the name of a block: {{#with …}}", 2),
        ("{{hasItems b=1 a}}", "an argument without a name comes after one with a name", 16),
    ],
)
def test_says_what_is_wrong_and_where(template: str, message: str, offset: int) -> None:
    with pytest.raises(TemplateError) as raised:
        fill(template, a=[1], b=2)
    assert (raised.value.message, raised.value.offset) == (message, offset)


def test_does_not_mind_a_broken_call_that_it_never_comes_to() -> None:
    assert fill("{{#if a}}{{nope 1}}{{else}}fine{{/if}}") == "fine"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "__class__",
            "a.__class__",
            "a.__class__.__mro__",
            "text.upper",
            "text.__len__",
            "a.keys",
            "a.items",
            "list.append",
        ),
        *(
            "@root.__class__",
            "@_parent",
            "@root._parent",
            "constructor",
            "a.constructor",
            "__proto__.x",
            "lookup a '__class__'",
        ),
        *(
            "lookup list '__len__'",
            "lookup list -1",
            "lookup list '-1'",
            "list.[-1]",
            "list.[1e0]",
            "list.[\u0660]",
            "lookup a list",
        ),
    ],
)
def test_reads_nothing_but_data(path: str) -> None:
    assert fill(f"[{{{{{path}}}}}]", a={"b": 1}, text="x", list=[1, 2]) == "[]"


def test_reads_members_whatever_their_names() -> None:
    assert (
        fill("{{__class__}} {{a.keys}} {{a.constructor}}", __class__="x", a={"keys": "y", "constructor": "z"})
        == "x y z"
    )


def test_never_takes_data_for_a_template() -> None:
    assert fill("{{a}} {{#each b}}{{this}}{{/each}}", a="{{b}}", b=["{{#if a}}", "\\{{a}}"]) == "{{b}} {{#if a}}\\{{a}}"


def test_leaves_the_data_alone() -> None:
    data = {"a": [1, {"b": 2}], "c": {"d": 3}}
    render("{{#each a as |x|}}{{x.b}}{{/each}}{{#with c}}{{d}}{{/with}}", data, helpers=HELPERS)
    assert data == {"a": [1, {"b": 2}], "c": {"d": 3}}


def test_escapes_texts_of_the_data_and_those_only() -> None:
    template = "<b>{{a}}{{{a}}}{{&a}}{{list}}{{number}}{{lookup o 'x'}}"
    data = {"a": "<", "list": ["<", ["<"]], "number": 1, "o": {"x": "<"}}
    assert render(template, data, helpers=HELPERS, escape=lambda text: text.replace("<", "&lt;")) == (
        "<b>&lt;&lt;&lt;&lt;,&lt;1&lt;"
    )


HOSTILE = {
    "loops over all": "{{#each @root.xs}}" * 5 + "x" + "{{/each}}" * 5,
    "calls": "{{#each xs}}{{#each @root.xs}}{{#if (lookup @root.xs @index)}}{{/if}}{{/each}}{{/each}}",
    "long output": "{{#each xs}}{{@root.text}}{{/each}}",
    "long list": "{{#each xs}}{{@root.texts}}{{/each}}",
    "deep list": "{{#each xs}}{{#each @root.xs}}{{@root.deep}}{{/each}}{{/each}}",
    "many tags": "{{#each xs}}" + "{{a}}" * ((MAX_SOURCE - 21) // 5) + "{{/each}}",
    "far up": "{{#each xs}}{{#each @root.xs}}{{" + "../" * 10_000 + "a}}{{/each}}{{/each}}",
    "blocks": "{{#if a}}" * 20_000,
    "else": "{{#if a}}" + "{{else if a}}" * 10_000 + "{{/if}}",
    "calls in calls": "{{a " + "(a " * 50_000,
    "names": "{{[" + "a" * 190_000,
    "quotes": '{{a "' + '\\"' * 90_000,
    "blanks": "{{a" + " " * 190_000 + "!}}",
    "comments": "{{!--" * 39_000,
    "braces": "{" * 190_000,
    "too long": "x" * (MAX_SOURCE + 1),
}


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE.keys())
def test_refuses_what_takes_too_much(template: str) -> None:
    deep: list[Any] = []
    for _ in range(99):
        deep = [deep]
    data = {"xs": list(range(1000)), "text": "x" * 1_000_000, "texts": ["x" * 10_000] * 1000, "deep": deep}
    begin = time.perf_counter()
    with pytest.raises(TemplateError):
        render(template, data, helpers=HELPERS)
    assert time.perf_counter() - begin < 15, "it takes about a second"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{{#each xs}}{{#each @root.xs}}{{#each @root.xs}}{{/each}}{{/each}}{{/each}}",
            f"takes more than {MAX_STEPS:,} steps",
        ),
        ("{{#each xs}}{{@root.text}}{{/each}}", f"more than {MAX_OUTPUT:,} characters come out"),
        ("{{#if xs}}" * (MAX_DEPTH + 1) + "{{/if}}" * (MAX_DEPTH + 1), f"stands in more than {MAX_DEPTH} others"),
        ("x" * (MAX_SOURCE + 1), f"has more than {MAX_SOURCE:,} characters"),
    ],
)
def test_says_what_there_is_too_much_of(template: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        fill(template, xs=list(range(1000)), text="x" * 1_000_000)


def test_allows_as_much_as_it_says() -> None:
    assert fill("{{#with a}}" * MAX_DEPTH + "{{b}}" + "{{/with}}" * MAX_DEPTH, a={"b": "x"}) == ""
    assert fill("{{#if a}}" * MAX_DEPTH + "{{b}}" + "{{/if}}" * MAX_DEPTH, a=True, b="x") == "x"
    assert len(fill("{{a}}{{a}}", a="x" * (MAX_OUTPUT // 2))) == MAX_OUTPUT
    assert fill("x" * MAX_SOURCE) == "x" * MAX_SOURCE
