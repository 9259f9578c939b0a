"""Prompts, asked of the real process, for a small library (data/prompts/repository)."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.process import clean_environment, program
from tests.sidecar import Sidecar

DATA = Path(__file__).parent / "data" / "prompts"
ENTITIES = ("FEAT-001", "US-001", "SPEC-001", "T-001", "svc-catalogue", "pkg-desk", "CONST-LIBRARY")
KINDS = ("implement", "review", "test", "checklist")


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    environment = clean_environment(tmp_path_factory.mktemp("data"))
    with Sidecar(program(request.config), env=environment) as sidecar:
        yield sidecar


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "repository", tmp_path / "library"))


def render(sidecar: Sidecar, repository: Path, entity_id: str, kind: str = "implement") -> Any:
    return sidecar.call("prompt/render", {"entityId": entity_id, "kind": kind, "repoPath": str(repository)})


def put(repository: Path, path: str, text: str) -> None:
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="")


def put_template(repository: Path, name: str, text: str) -> None:
    put(repository, f".context/templates/prompts/{name}.hbs", text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entity_id", ENTITIES)
def test_every_type_has_every_kind_of_prompt(shared: Sidecar, entity_id: str, kind: str) -> None:
    rendered = render(shared, DATA / "repository", entity_id, kind)
    assert entity_id in rendered["prompt"].splitlines()[0]
    assert "{{" not in rendered["prompt"].replace("{{dueDate}}", "").replace("{{#each loans}}", "")
    assert not re.search("\n\n\n", rendered["prompt"]), "two blank lines"
    assert not re.search("[^\n]\n#+ ", rendered["prompt"]), "a heading without a blank line before it"
    assert ("checklist" in rendered) == (kind != "checklist")
    assert rendered["tokens"] > len(rendered["prompt"]) / 8
    assert rendered["references"][0]["id"] == entity_id
    boxes = rendered["prompt"] if kind == "checklist" else rendered["checklist"]
    assert boxes.startswith("# Checklist")
    assert "- [ ] " in boxes
    assert rendered == render(shared, DATA / "repository", entity_id, kind)


@pytest.mark.parametrize(
    ("entity_id", "kind"),
    [
        ("FEAT-001", "implement"),
        ("T-001", "review"),
        ("US-001", "test"),
        ("T-001", "checklist"),
        ("pkg-desk", "implement"),
    ],
)
def test_whole_prompts(shared: Sidecar, entity_id: str, kind: str) -> None:
    expected = (DATA / f"{entity_id}.{kind}.md").read_bytes().decode()
    assert render(shared, DATA / "repository", entity_id, kind)["prompt"] == expected


def test_shows_entity_and_neighbours_as_they_stand_in_their_files(shared: Sidecar) -> None:
    prompt = render(shared, DATA / "repository", "FEAT-001")["prompt"]
    for name in ("features/FEAT-001-lending", "userstories/US-001-take-home", "specs/SPEC-001-due-dates"):
        assert (DATA / "repository" / "contexts" / f"{name}.yaml").read_text("utf-8").strip() in prompt
    # The spec holds a fence of its own, so that its fence is longer.
    assert "````yaml\nid: SPEC-001" in prompt
    assert "riskAppetite: low # a key that no schema knows" in prompt


def test_principles_that_apply_and_no_others(shared: Sidecar) -> None:
    for entity_id, titles in {
        "FEAT-001": ["Privacy", "Small steps"],  # those that can't be negotiated first
        "T-001": ["Privacy", "Small steps"],
        "SPEC-001": ["Small steps"],
        "pkg-desk": ["Semantic versions", "Small steps"],
        "CONST-LIBRARY": [],
    }.items():
        prompt = render(shared, DATA / "repository", entity_id, "checklist")["prompt"]
        principles = prompt.partition("## Principles")[2].partition("\n## ")[0]
        assert re.findall(r"\*\*(.+?)\*\*", principles) == titles, entity_id
        assert "Paper only" not in prompt, "the document is deprecated"


def test_rules_with_the_exceptions_of_the_entity(shared: Sidecar) -> None:
    prompt = render(shared, DATA / "repository", "T-001")["prompt"]
    assert "- Somebody answers for each task. (medium) Otherwise: Ask the team who takes it." in prompt
    assert "  - `owner exists`: The task has no owner.\n  - `steps.length greaterThan 0`\n" in prompt
    assert "  - Exception EX-1 (until 2026-01-31): Ada is on leave." in prompt
    assert "EX-2" not in prompt
    assert "Somebody answers" not in render(shared, DATA / "repository", "FEAT-001")["prompt"]


def test_criteria_of_the_stories_count_for_the_feature(shared: Sidecar) -> None:
    checklist = render(shared, DATA / "repository", "FEAT-001")["checklist"]
    assert re.findall(r"\*\*(C\d)\*\* \((.+?)\)", checklist) == [
        *(("C1", "FEAT-001"), ("C2", "FEAT-001"), ("C3", "US-001"), ("C4", "US-001")),
    ]


def test_references_are_what_exists_each_once(shared: Sidecar, library: Path) -> None:
    (library.parent / "outside.md").write_text("not in the repository")
    feature = library / "contexts/features/FEAT-001-lending.yaml"
    text = feature.read_text("utf-8").replace(
        "- docs/missing.md", "- docs/missing.md\n    - contexts/tasks/T-001-store-loans.yaml"
    )
    feature.write_text(text, "utf-8")
    rendered = render(shared, library, "FEAT-001")
    assert [(reference.get("id"), reference["file"]) for reference in rendered["references"]] == [
        ("FEAT-001", "contexts/features/FEAT-001-lending.yaml"),
        ("US-001", "contexts/userstories/US-001-take-home.yaml"),
        ("SPEC-001", "contexts/specs/SPEC-001-due-dates.yaml"),
        ("T-001", "contexts/tasks/T-001-store-loans.yaml"),
        ("svc-catalogue", "contexts/services/svc-catalogue.yaml"),
        ("CONST-LIBRARY", "contexts/governance/constitution.yaml"),
        (None, "docs/lending.md"),
        (None, "docs/privacy.md"),
        (None, "docs/logging.md"),
    ]
    assert str(library.parent) not in str(rendered)


def test_project_and_domain(shared: Sidecar, library: Path) -> None:
    prompt = render(shared, library, "US-001")["prompt"]
    assert "testRunner: vitest" in prompt
    assert "**Lending**: Who has which book, and until when\n\n- *loan*: a book in somebody's hands\n" in prompt
    assert "Buying" not in prompt
    for name in ("project", "stack", "domains"):
        put(library, f".context-kit/{name}.yml", "\t- [broken: {yaml")
    (library / ".context-kit" / "project.yml").unlink()
    prompt = render(shared, library, "US-001")["prompt"]
    assert "## Domain" not in prompt
    assert "[broken: {yaml" in prompt, "the stack is shown as it is"


def test_a_template_of_the_repository_wins(shared: Sidecar, library: Path) -> None:
    put_template(
        library, "task", "{{id}} {{#each steps}}{{padTaskId @index}} {{this}};{{/each}} {{_file}} [{{timestamp}}]"
    )
    rendered = render(shared, library, "T-001")
    assert rendered["prompt"] == (
        "T-001 T001 Add a table of loans;T002 Refuse a second loan of the same copy; "
        "contexts/tasks/T-001-store-loans.yaml []"
    )
    assert rendered["references"][-1]["file"] == ".context/templates/prompts/task.hbs"
    assert rendered["checklist"].startswith("# Checklist for T-001")
    assert render(shared, library, "T-001", "review")["prompt"].startswith("# Review")
    put_template(library, "task.review", "Look at {{title}}{{#if (hasItems related)}} of {{related.feature}}{{/if}}.")
    assert render(shared, library, "T-001", "review")["prompt"] == "Look at Store loans of FEAT-001."


def test_a_checklist_of_the_repository_wins_for_all_types(shared: Sidecar, library: Path) -> None:
    put_template(
        library,
        "checklist",
        "{{entityType}} {{entity.id}} {{outputFile}}{{#each entity.validationRules}} {{title}}{{/each}}",
    )
    expected = "task T-001 generated/prompts/T-001.md Somebody answers for each task."
    assert render(shared, library, "T-001")["checklist"] == expected
    assert render(shared, library, "T-001", "checklist")["prompt"] == expected
    put_template(library, "task.checklist", "- [ ] {{title}}")
    assert render(shared, library, "T-001")["checklist"] == "- [ ] Store loans"
    assert render(shared, library, "SPEC-001")["checklist"].startswith("spec SPEC-001 ")


def test_a_template_gets_what_is_linked(shared: Sidecar, library: Path) -> None:
    put_template(
        library,
        "feature",
        "{{#each linkedUserStories}}{{id}}:{{title}}:{{asA}} {{/each}}{{#each linkedTasks}}{{id}}={{status}}{{/each}} {{type}}|",
    )
    assert render(shared, library, "FEAT-001")["prompt"] == "US-001:to take a book home:member T-001=todo |"
    put(
        library,
        "contexts/features/FEAT-002.yaml",
        "id: FEAT-002\ntitle: x\nstatus: done\ntasks: [T-001]\nlinkedTasks: [{id: own, status: kept}]\n",
    )
    assert render(shared, library, "FEAT-002")["prompt"] == "own=kept |"


def test_a_template_is_markdown_and_data_is_data(shared: Sidecar, library: Path) -> None:
    put_template(library, "spec", "{{title}} & {{content}}")
    put(library, "contexts/specs/SPEC-002.yaml", "id: SPEC-002\ntitle: a < b && \"c\"\ncontent: '{{id}} {{#if}} `x`'\n")
    assert render(shared, library, "SPEC-002")["prompt"] == 'a < b && "c" & {{id}} {{#if}} `x`'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n  {{#if id}}\nb", "line 2, column 3: the block 'if' is not closed"),
        ("a\r\n{{/each}}", "line 2, column 1: found '{{/'; expected a tag or text outside of any block"),
        ("{{> part}}", "line 1, column 1: partials are not supported"),
        ("a\n\n{{ shout title }}", "line 3, column 4: there is no helper 'shout'"),
        ("{{#each steps}}{{#if this}}x{{/each}}", "line 1, column 32: 'each' closes the block 'if'"),
        ("x" * 1_000_001, "it can't be read, is too large or lies outside the repository"),
    ],
)
def test_a_broken_template_is_named_with_its_line(shared: Sidecar, library: Path, text: str, message: str) -> None:
    put_template(library, "task", text)
    rendered = render(shared, library, "T-001")
    assert rendered["data"]["kind"] == "invalidParams"
    (error,) = rendered["data"]["errors"]
    assert error["path"] == "template"
    assert error["message"].startswith(".context/templates/prompts/task.hbs")
    assert error["message"].endswith(message)
    assert render(shared, library, "FEAT-001")["prompt"].startswith("# Implement FEAT-001")


def test_parts_of_our_own_can_be_used_in_a_template(shared: Sidecar, library: Path) -> None:
    put_template(library, "task", "{{context}}\r\n{{#each criteria}}{{id}} {{/each}}{{kind}}")
    prompt = render(shared, library, "T-001")["prompt"]
    assert prompt.startswith("## The task\n")
    assert prompt.endswith("`docs/logging.md`, Privacy\r\nC1 C2 implement")


def test_a_hostile_template_ends(shared: Sidecar, library: Path) -> None:
    put_template(library, "task", "{{#each @root}}" * 12 + "x" + "{{/each}}" * 12)
    (error,) = render(shared, library, "T-001")["data"]["errors"]
    assert "takes more than" in error["message"]
    shared.assert_alive()


def test_a_template_outside_of_the_repository_is_not_read(shared: Sidecar, library: Path) -> None:
    secret = library.parent / "secret.hbs"
    secret.write_text("outside")
    folder = library / ".context" / "templates" / "prompts"
    folder.mkdir(parents=True)
    try:
        (folder / "task.hbs").symlink_to(secret)
    except OSError:
        pytest.skip("links need a permission on Windows")
    (error,) = render(shared, library, "T-001")["data"]["errors"]
    assert error["path"] == "template"


def test_secrets_do_not_get_into_prompts(shared: Sidecar, library: Path) -> None:
    key = "sk-" + "a1B2c3D4" * 4
    put(
        library,
        "contexts/tasks/T-002.yaml",
        f"id: T-002\ntitle: Use {key}\nstatus: todo\nsteps: [Call it with {key}]\nrelated: {{feature: FEAT-001}}\n",
    )
    put(
        library,
        ".context-kit/stack.yml",
        f"services:\n  - endpoint: https://ada:hunter2hunter2@example.org\n    key: {key}\n",
    )
    put_template(library, "spec", "{{#each linked}}{{title}}{{yaml}}{{/each}}")
    for entity_id in ("T-002", "FEAT-001", "SPEC-001"):
        for kind in KINDS:
            rendered = str(render(shared, library, entity_id, kind))
            assert key not in rendered
            assert "hunter2" not in rendered
    assert "[redacted]" in render(shared, library, "T-002")["prompt"]


def test_what_an_entity_has_of_the_wrong_type_does_no_harm(shared: Sidecar, library: Path) -> None:
    put(
        library,
        "contexts/tasks/T-003.yaml",
        "id: T-003\ntitle: 5\nstatus: [todo]\nsteps: {a: 1}\ndoneCriteria: [1, {x: y}, '', 'a  b\n\n  c']\nrelated: FEAT-001\nowner:\n",
    )
    put(
        library,
        "contexts/features/FEAT-003.yaml",
        "id: FEAT-003\nprompts: [x]\nacceptance: only one\ntasks: T-003\ndomain: {a: b}\n",
    )
    put(
        library,
        "contexts/governance/odd.yaml",
        "id: CONST-ODD\nprinciples: [1, {appliesTo: task}, {appliesTo: [task], title: [x], requirements: {a: b}}, {appliesTo: [global]}]\n"
        "compliance: {rules: [{targets: [task], conditions: [3, {path: 4, value: null}]}, 7], exceptions: x}\n",
    )
    put(library, ".context-kit/domains.yml", "domains: [1, {id: 3}, {name: lending}]\n")
    for entity_id in ("T-003", "FEAT-003", "CONST-ODD"):
        for kind in KINDS:
            assert entity_id in render(shared, library, entity_id, kind)["prompt"]
    assert "- [ ] **C1** (T-003): a b c\n" in render(shared, library, "T-003", "checklist")["prompt"]
    assert "- [ ] **C1** (FEAT-003): only one\n" in render(shared, library, "FEAT-003", "checklist")["prompt"]


def test_a_service_of_hundreds_gets_a_prompt_of_bounded_size(shared: Sidecar, library: Path) -> None:
    for number in range(300):
        content = "word " * 1000
        put(
            library,
            f"contexts/specs/SPEC-{number + 100}.yaml",
            f"id: SPEC-{number + 100}\ntitle: S\nrelated: {{services: [svc-catalogue]}}\ncontent: {content}\n",
        )
    put(library, "contexts/features/FEAT-009.yaml", "id: FEAT-009\ntitle: Long\nobjective: " + "word " * 100_000)
    assert len(render(shared, library, "svc-catalogue")["prompt"]) < 150_000
    long = render(shared, library, "FEAT-009")["prompt"]
    assert 200_000 < len(long) < 250_000
    assert "up to a point; read the rest there" in long


def test_an_entity_that_is_not_there(shared: Sidecar) -> None:
    assert render(shared, DATA / "repository", "T-404")["data"]["kind"] == "entityNotFound"
