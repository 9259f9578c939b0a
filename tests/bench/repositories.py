"""Context repositories to read, and the servers that read them."""

import sys
from dataclasses import replace
from pathlib import Path

from tests.bench import servers

VALIDATED = 1_000
DRAWN = 10_000
"""Entities in the repository that is validated, and in that whose graph is asked for."""

_BLOCK = 20
"""Entities that hang together: a feature, 8 user stories, 8 tasks, 2 specs and a service."""

_CONSTITUTION = """\
id: CONST-BENCH
name: Constitution of a benchmark
version: 1.0.0
status: ratified
ratifiedOn: "2025-10-22"
principles:
  - id: owners
    title: Everything has an owner
    summary: Somebody answers for each task.
    appliesTo: [task]
    nonNegotiable: true
governance:
  owners: ["@guild"]
  reviewCadence: quarterly
compliance:
  rules:
    - id: feature-has-domain
      description: Features declare a domain.
      targets: [feature]
      conditions:
        - path: domain
          operator: exists
      severity: high
    - id: story-has-criteria
      description: User stories have acceptance criteria.
      targets: [userstory]
      conditions:
        - path: acceptanceCriteria
          operator: greaterThan
          value: 0
      severity: high
    - id: task-has-owner
      description: Tasks have an owner.
      targets: [task]
      conditions:
        - path: owner
          operator: nonEmpty
      severity: medium
"""


def repositories(command: list[str], directory: Path) -> list[servers.Server]:
    """ckservice and its peer, each with the repositories that are asked about, which are written first."""
    small, large = directory / f"repository-{VALIDATED}", directory / f"repository-{DRAWN}"
    for root, count in ((small, VALIDATED), (large, DRAWN)):
        write_repository(root, count)
    asked = {"method": "repository/validate", "params": {"repoPath": str(small)}}
    changed = str(small / "contexts" / "tasks" / "T-001-do-it.yaml")
    own = replace(
        servers.ckservice(command, directory),
        validate_request=asked,
        graph_request={"method": "repository/graph", "params": {"repoPath": str(large)}},
        changed_file=changed,
    )
    plain = servers.Server(
        name="plain",
        title="yaml.safe_load + jsonschema",
        command=[sys.executable, str(servers.PEERS / "plain_validation.py")],
        environment={},
        initialize={"method": "initialize", "params": {}},
        ping={"method": "ping"},
        validate_request=asked,
        changed_file=changed,
    )
    return [own, plain]


def write_repository(root: Path, count: int) -> None:
    """Write a repository of `count` entities and a constitution, in which nothing is wrong."""
    texts = {"governance/constitution.yaml": _CONSTITUTION}
    for number in range(1, count // _BLOCK + 1):
        texts |= _block(number)
    for path, text in texts.items():
        file = root / "contexts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _block(number: int) -> dict[str, str]:
    feature, service = f"FEAT-{number:03}", f"svc-{number}"
    stories = [f"US-{number * 8 - place:03}" for place in range(8)]
    tasks = [f"T-{number * 8 - place:03}" for place in range(8)]
    specs = [f"SPEC-{number * 2 - place:03}" for place in range(2)]
    depends = f"dependencies:\n  - svc-{number - 1}@^1.0\n" if number > 1 else ""
    return {
        f"features/{feature}-a-part.yaml": (
            f'id: {feature}\ntitle: "Part {number} of the product"\nstatus: in-progress\ndomain: core\n'
            'owners:\n  - "@team"\nobjective: |\n  People can do what they could not do before,\n  and they know it.\n'
            f"acceptance:\n  - It works\n  - It is fast\nrequires:\n  - {service}\n"
            f"userStories:\n{_items(stories)}specs:\n{_items(specs)}tasks:\n{_items(tasks)}"
        ),
        f"services/{service}.yaml": (
            f"id: {service}\nname: Service {number}\ntype: backend\nrepository: https://example.com/service\n"
            f"api:\n  spec: api/openapi.yaml\n  version: '1.0'\n{depends}"
        ),
        **{
            f"userstories/{story}-a-wish.yaml": (
                f"id: {story}\nfeature: {feature}\nasA: developer\niWant: to see what is linked # and what is not\n"
                'soThat: "I know what to change"\nacceptanceCriteria:\n  - It is shown\n  - It is right\n'
                f"  - It is shown soon\nimpacts:\n  services:\n    - {service}\n"
            )
            for story in stories
        },
        **{
            f"tasks/{task}-do-it.yaml": (
                f"id: {task}\ntitle: Do it\nstatus: todo\nrelated:\n  feature: {feature}\n  spec: {specs[0]}\n"
                f'  service: {service}\nowner: "@somebody"\nsteps:\n  - Begin\n  - Go on\ndoneCriteria:\n  - It is done\n'
            )
            for task in tasks
        },
        **{
            f"specs/{spec}-how.yaml": (
                f"id: {spec}\ntitle: How it is done\ntype: technical\nrelated:\n  features: [{feature}]\n"
                f"  services: [{service}]\ncontent: |\n  # How it is done\n  One step after the other.\n"
            )
            for spec in specs
        },
    }


def _items(ids: list[str]) -> str:
    return "".join(f"  - {entity_id}\n" for entity_id in ids)
