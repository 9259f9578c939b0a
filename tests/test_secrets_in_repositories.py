"""What a repository holds and no model may see: files that Git ignores, likely secrets, and values named like one."""

from collections.abc import Callable
from pathlib import Path
from time import thread_time

import pytest

from ckservice.context.secrets import is_likely_secret, mask
from tests.git_repository import GitRepository
from tests.sidecar import Sidecar

FEATURE = "id: FEAT-001\ntitle: Sign in\nstatus: proposed\ntasks: [T-001, T-002]\n"
TASK = "id: {id}\ntitle: Task {id}\nstatus: todo\nrelated:\n  feature: FEAT-001\nowner: canary-{id}\n"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository.create(tmp_path / "repository")
    repository.write("contexts/features/FEAT-001-sign-in.yaml", FEATURE)
    for entity_id in ("T-001", "T-002"):
        repository.write(f"contexts/tasks/{entity_id}.yaml", TASK.replace("{id}", entity_id))
    repository.write(".gitignore", "contexts/tasks/T-002.yaml\n.context-kit/stack.yml\n")
    repository.write(".context-kit/stack.yml", "backend: canary-stack\n")
    repository.write(".context-kit/project.yml", "name: Shop\n")
    repository.write(".env", "DB_PASSWORD=canary-env\n")
    return repository


def prompt(sidecar: Sidecar, repository: GitRepository, kind: str = "implement") -> str:
    asked = {"entityId": "FEAT-001", "kind": kind, "repoPath": str(repository.root)}
    answer = sidecar.call("prompt/render", asked)
    return str(answer.get("prompt", answer))


def test_what_git_ignores_is_in_no_prompt(sidecar: Sidecar, repository: GitRepository) -> None:
    text = prompt(sidecar, repository)
    assert "canary-T-001" in text
    assert "canary-T-002" not in text
    assert "canary-stack" not in text
    listed = sidecar.call("entity/list", {"repoPath": str(repository.root)})["entities"]
    assert [entity["id"] for entity in listed] == ["FEAT-001", "T-001", "T-002"]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (".context-kit/project.yml", "../.env"),
        (".context/templates/prompts/feature.hbs", "../../../.env"),
        ("contexts/features/FEAT-002.yaml", "../../secrets/one.yaml"),
    ],
)
def test_links_to_likely_secrets_are_not_followed(
    sidecar: Sidecar, repository: GitRepository, link: str, target: str
) -> None:
    repository.write("secrets/one.yaml", "id: FEAT-002\ntitle: canary-env\nstatus: done\n")
    path = repository.root / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    assert "canary-env" not in prompt(sidecar, repository)
    listed = sidecar.call("entity/list", {"repoPath": str(repository.root)})["entities"]
    assert all(entity["title"] != "canary-env" for entity in listed)


def test_no_prompt_refers_to_a_likely_secret(sidecar: Sidecar, repository: GitRepository) -> None:
    refs = "prompts:\n  contextRefs: [.env, docs/key.pem, docs/plan.md]\n"
    repository.write("contexts/features/FEAT-001-sign-in.yaml", FEATURE + refs)
    repository.write("docs/key.pem", "")
    repository.write("docs/plan.md", "")
    text = prompt(sidecar, repository)
    assert "`docs/plan.md`" in text
    assert "- `.env`" not in text
    assert "- `docs/key.pem`" not in text


def test_values_that_are_named_like_a_secret_are_masked(sidecar: Sidecar, repository: GitRepository) -> None:
    lines = "password: hunter2-canary\nauth: {token: canary-token, kind: basic}\nenv:\n  - DB_PASSWORD=canary-env\n"
    repository.write("contexts/features/FEAT-001-sign-in.yaml", FEATURE + lines)
    text = prompt(sidecar, repository)
    assert not [canary for canary in ("hunter2", "canary-token", "canary-env") if canary in text]
    assert "kind: basic" in text


@pytest.mark.source
@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password: hunter2-x", "password: [redacted]"),
        ('db_password: "hunter2-x"  # old', 'db_password: "[redacted]"  # old'),
        ("apiKey: abcdef", "apiKey: [redacted]"),
        ("- DB_PASSWORD=hunter2", "- DB_PASSWORD=[redacted]"),
        ("{token: abcd1234, kind: x}", "{token: [redacted], kind: x}"),
        ("{name: DB_PASSWORD, value: hunter2}", "{name: DB_PASSWORD, value: [redacted]}"),
        ("slack xoxb-123456789012-abcdef", "slack [redacted]"),
        ("https://x.io/a?access_token=hunter2x&b=1", "https://x.io/a?access_token=[redacted]&b=1"),
        ('"Server=db;User Id=sa;Password=hunter2x;"', '"Server=db;User Id=sa;Password=[redacted];"'),
        ('"Password=hunter2x;Server=db"', '"Password=[redacted];Server=db"'),
        ("<password>hunter2x</password>", "<password>[redacted]</password>"),
        ("x = 'a?token=abcd", "x = 'a?token=[redacted]"),
        ('a=b=token="abcd"', 'a=b=token="[redacted]"'),
        ("if (a && token == other && b)", "if (a && token == other && b)"),
        ("Password: at least eight characters", "Password: at least eight characters"),
        ("A token is valid for a day.", "A token is valid for a day."),
        ("secrets: [one, two]", "secrets: [one, two]"),
        ("tokens: 12", "tokens: 12"),
        ("password: *shared", "password: *shared"),
    ],
)
def test_prose_about_secrets_stays(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.source
def test_files_that_are_likely_secrets() -> None:
    likely = [".env", ".env.local", "a/id_rsa", "tls/server.KEY", "secrets/db.yaml", "credentials.json", ".npmrc"]
    assert all(is_likely_secret(path) for path in likely)
    others = ["contexts/services/svc-secrets.yaml", "docs/tokens-and-keys.md", "environment.yml", "src/keyboard.ts"]
    assert not any(is_likely_secret(path) for path in others)


def test_an_id_that_others_link_to_is_taken(start: Callable[..., Sidecar], repository: GitRepository) -> None:
    """It was free when the model was asked."""
    sidecar = start()
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 400}})
    wish = {"entityType": "task", "userPrompt": "Write the manual of the shop.", "save": True}
    sidecar.request(
        "wish", "entity/generate", {**wish, "linkedFeatureId": "FEAT-001", "repoPath": str(repository.root)}
    )
    sidecar.wait_for(lambda message: message.get("method") == "stream/progress")
    text = FEATURE.replace("T-002]", "T-002, T-003]")
    repository.write("contexts/features/FEAT-001-sign-in.yaml", text)
    assert sidecar.response("wish")["result"]["entity"]["id"] == "T-004"


@pytest.mark.source
def test_no_text_takes_long_to_mask() -> None:
    """A text of a repository may be made for it: while a regular expression is matched, the whole process waits."""
    began = thread_time()
    for piece in (
        "token.",
        "a-",
        "password: ",
        "name: token, value: ",
        '"',
        "a=\xe9=",
        "token=",
        "a#=",
        "?token=a",
        "<token>a",
    ):
        mask(piece * (500_000 // len(piece)) + '"x')
    assert thread_time() - began < 5
