"""The sample repository: every fault that was planted in it is found once, nothing else is, and nothing changes unseen."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.golden import GOLDEN, IMPACT_OF, SAMPLE, answers
from tests.providers.process import clean_environment, program
from tests.sidecar import Sidecar

FAULTS = """
    .context/schemas/spec.schema.json            schema
    features/FEAT-003-watering-rota.yaml         reference
    features/FEAT-005-seed-swap.yaml             constitution reference
    features/FEAT-006-harvest-log.yaml           reference
    features/FEAT-007-tool-shed.yaml             constitution
    features/FEAT-010-committee-votes.yml        reference
    features/FEAT-020-bee-hives.yaml             yaml
    features/FEAT-021-bonfire-nights.yaml        yaml
    features/FEAT-16-open-day.yaml               schema
    features/archive/2024/FEAT-011-key-handover.yaml  reference
    ideas/FEAT-012-compost-exchange.yaml         schema
    ideas/notes.yaml                             yaml
    userstories/US-003-find-a-plot.yaml          constitution
    userstories/US-007-pay-by-transfer.yaml      schema
    userstories/US-009-offer-seeds-copy.yaml     duplicate
    userstories/US-009-offer-seeds.yaml          duplicate
    userstories/US-010-compare-years.yaml        constitution
    userstories/US-011-borrow-a-tool.yaml        schema
    userstories/US-012-read-the-news.yaml        reference
    userstories/US-016-see-my-invoices.yaml      reference
    userstories/US-019-print-the-queue.yaml      reference
    userstories/US-020-ask-a-neighbour.yaml      yaml
    userstories/US-021-cafe-rota.yaml            yaml
    userstories/us-022-offer-compost.yaml        schema
    specs/SPEC-005-offers.yaml                   schema
    specs/SPEC-006-harvest-records.yaml          reference
    specs/SPEC-011-queue-for-garages.yaml        reference
    specs/SPEC-014-opening-hours.yaml            reference
    specs/SPEC-020-empty.yaml                    yaml
    specs/SPEC-021-only-thoughts.yaml            yaml
    tasks/T-008-print-invoices.yaml              schema
    tasks/T-009-list-offers.yaml                 reference
    tasks/T-010-export-a-year.yaml               schema
    tasks/T-012-print-labels.yaml                schema
    tasks/T-013-choose-a-voting-rule.yaml        schema
    tasks/T-014-sign-on-the-phone.yaml           constitution
    tasks/T-018-paint-signs.yaml                 yaml
    tasks/T-019-count-cans.yaml                  reference
    tasks/T-022-check-the-fence.yaml             schema
    tasks/T-023-number-the-plots.yaml            schema
    tasks/T-024-ask-the-council.yaml             schema
    tasks/T-025-sow-the-meadow.yaml              schema
    tasks/T-030-mend-the-gate.yaml               yaml
    tasks/T-031-two-in-one.yaml                  reference
    tasks/T-033-a-list.yaml                      yaml
    tasks/T-034-no-anchor.yaml                   yaml
    services/svc-db.yaml                         reference
    services/svc-mail.yaml                       cycle duplicate
    services/svc-mail.yml                        duplicate
    services/svc-weather.yaml                    schema cycle constitution
    services/svc-web.yaml                        reference
    packages/pkg-legacy-import.yaml              constitution reference
    packages/pkg-seed-catalogue.yaml             schema
    packages/pkg-tagged.yaml                     yaml
    packages/pkg-translations.yaml               schema
    governance/constitution.yaml                 constitution constitution
    governance/constitution-next.yaml            schema
"""
"""What was planted: the kinds of the findings in each file."""

WITHOUT_COMMENTS = {".context/schemas/spec.schema.json", "contexts/specs/SPEC-020-empty.yaml"}

DANGLING = {
    ("FEAT-003", "US-099", "has-story", "userStories[2]"),
    ("FEAT-005", "FEAT-001", "requires", "requires[1]"),
    ("US-012", "svc-printing", "impacts", "impacts.services[1]"),
    ("US-019", "SPEC-001", "belongs-to", "feature"),
    ("SPEC-006", "pkg-ledger", "relates-to", "related.services[0]"),
    ("SPEC-014", "FEAT-098", "belongs-to", "related.features[0]"),
    ("T-009", "SPEC-099", "implements", "related.spec"),
    ("svc-web", "svc-chat", "depends-on", "dependencies[2]"),
}

CYCLES = [["pkg-mail-templates", "svc-mail"], ["svc-db"], ["svc-plots", "svc-watering", "svc-weather"]]

EDGES = """
    FEAT-001  has-story US-001, has-story US-002, has-spec SPEC-001, has-task T-001, has-task T-002
    FEAT-001  requires svc-plots, requires svc-db
    FEAT-002  has-story US-003, has-story US-004, has-story US-014, has-spec SPEC-002, has-task T-003, has-task T-004
    FEAT-002  requires svc-plots, requires svc-web, produces pkg-mobile
    FEAT-003  has-story US-005, has-story US-006, has-spec SPEC-003, has-task T-005, has-task T-006
    FEAT-003  requires svc-watering, requires pkg-calendar
    FEAT-004  has-story US-007, has-story US-008, has-spec SPEC-004, has-task T-007, has-task T-008
    FEAT-004  requires svc-fees, requires pkg-ledger
    FEAT-005  has-story US-009, has-spec SPEC-005, has-task T-009, requires pkg-seed-catalogue
    FEAT-006  has-story US-010, has-story US-014, has-spec SPEC-006, has-task T-010, requires svc-plots
    FEAT-007  has-story US-011, has-task T-011, requires svc-plots
    FEAT-008  has-story US-012, has-spec SPEC-007, has-task T-021, requires svc-mail
    FEAT-009  has-story US-013, has-spec SPEC-008, requires svc-weather, requires svc-mail
    FEAT-010  has-story US-015, has-spec SPEC-009, has-task T-013, has-task T-020, requires svc-web
    FEAT-011  has-story US-017, has-spec SPEC-001, has-task T-014, requires svc-web
    FEAT-012  has-story us-022, has-spec SPEC-012, has-task T-015, requires svc-web
    FEAT-013  has-task T-024, has-task T-025
    FEAT-014  has-story US-023, has-spec SPEC-015
    FEAT-16   has-story US-018, has-story US-021, has-spec SPEC-010, has-task T-018, requires svc-web
    US-001    impacts svc-plots, impacts svc-mail
    US-002    impacts svc-plots, impacts pkg-mobile
    US-005    impacts svc-watering, impacts pkg-calendar
    US-006    impacts svc-watering, impacts svc-weather
    US-008    impacts svc-fees, impacts svc-mail
    US-012    impacts svc-mail
    US-016    belongs-to FEAT-004
    SPEC-001  relates-to svc-plots
    SPEC-002  relates-to pkg-mobile
    SPEC-003  relates-to svc-watering
    SPEC-004  relates-to svc-fees, relates-to pkg-ledger
    SPEC-007  relates-to svc-mail
    SPEC-008  relates-to svc-weather
    SPEC-009  relates-to svc-web
    SPEC-011  belongs-to FEAT-001
    T-001     implements SPEC-001, modifies svc-plots
    T-003     implements SPEC-002, modifies svc-web
    T-005     implements SPEC-003, modifies svc-watering
    T-007     implements SPEC-004, modifies svc-fees
    T-010     implements SPEC-006
    T-013     implements SPEC-009
    T-015     implements SPEC-012
    T-017     modifies svc-web
    T-019     belongs-to FEAT-003
    T-022     modifies svc-plots
    T-023     modifies svc-plots
    T-031     belongs-to FEAT-003, modifies svc-mail
    T-034     modifies svc-plots
    svc-web   depends-on svc-plots, depends-on svc-fees, uses svc-plots, uses svc-fees
    svc-plots depends-on svc-db, depends-on svc-watering, uses svc-db
    svc-watering depends-on svc-weather, uses svc-weather
    svc-weather depends-on svc-plots
    svc-fees  depends-on svc-db, depends-on pkg-ledger, depends-on svc-mail, uses svc-db, uses svc-mail
    svc-mail  depends-on pkg-mail-templates
    svc-db    depends-on svc-db
    svc-door  depends-on svc-db
    pkg-mobile uses svc-plots, uses svc-watering
    pkg-mail-templates uses svc-mail
    pkg-legacy-import uses svc-plots
"""
"""Every link of the sample repository, once, as somebody reads it from the files."""

GAPS = """
    danglingLinks                  -
    reviewOverdue                  CONST-RHUBARB
    doneFeatureWithOpenTasks       FEAT-001
    featureWithoutOwners           FEAT-006 FEAT-007
    featureWithoutSpecs            FEAT-007 FEAT-013
    featureWithoutTasks            FEAT-014
    featureWithoutStories          FEAT-013
    featureWithoutAcceptance       FEAT-010
    featureWithoutObjective        FEAT-011
    inProgressFeatureWithoutTasks  FEAT-009
    userStoryWithoutCriteria       US-003
    userStoryWithoutFeature        US-019
    specWithoutContent             SPEC-007
    specWithoutRelations           SPEC-014
    blockedTaskUnderActiveFeature  T-004
    taskWithoutFeature             T-017 T-022 T-023 T-034
    taskWithoutDoneCriteria        T-017
    taskWithoutOwner               T-020 T-024
    taskWithoutSteps               T-020
    serviceWithoutApiVersion       svc-archive
    serviceWithoutConsumers        svc-door
    packageUnused                  pkg-legacy-import
    orphan                         SPEC-013 svc-archive pkg-tagged pkg-translations
"""

STALE = """
    criteria-change-flags-work  SPEC-001 SPEC-011 T-001 T-002
    api-change-flags-consumers  pkg-legacy-import pkg-mobile svc-weather svc-web
    blocked-task-flags-feature  FEAT-002
"""
"""What the rules of the sample repository want looked at when the entities of `IMPACT_OF` change."""

NEXT_TO_CHANGED = """
    US-001     FEAT-001 svc-mail
    SPEC-003   FEAT-003 T-005 svc-watering
    T-004      FEAT-002
    svc-plots  FEAT-006 FEAT-007 US-002 SPEC-001 T-001 T-022 T-023 T-034 svc-web svc-weather pkg-mobile pkg-legacy-import
"""
"""What is one link away from them, and from no earlier one; what svc-plots itself needs is not touched by it."""


@pytest.fixture(scope="module")
def texts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("sample")
    with Sidecar(program(request.config), env=clean_environment(directory / "data")) as sidecar:
        return answers(sidecar, directory)


@pytest.fixture(scope="module")
def results(texts: dict[str, str]) -> dict[str, Any]:
    return {name.removesuffix(".json"): json.loads(text) for name, text in texts.items() if name.endswith(".json")}


def _table(text: str) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        name, *values = line.split()
        rows.setdefault(name, []).extend(values)
    return rows


def _planted() -> dict[str, list[str]]:
    return {name if name.startswith(".") else f"contexts/{name}": kinds for name, kinds in _table(FAULTS).items()}


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_the_answers_are_those_that_were_reviewed(texts: dict[str, str], name: str) -> None:
    assert texts[name] == (GOLDEN / name).read_text(encoding="utf-8"), "`python -m tests.golden`, if it is meant"


def test_every_answer_has_its_file(texts: dict[str, str]) -> None:
    assert sorted(texts) == sorted(path.name for path in GOLDEN.iterdir())


def test_every_planted_fault_is_found_once_and_nothing_else(results: dict[str, Any]) -> None:
    found: dict[str, list[str]] = {}
    for finding in results["validate"]["errors"]:
        found.setdefault(finding["file"], []).append(finding["kind"])
    assert {file: sorted(kinds) for file, kinds in found.items()} == {
        file: sorted(kinds) for file, kinds in _planted().items()
    }
    severities = Counter(finding["severity"] for finding in results["validate"]["errors"])
    assert severities["error"] == results["validate"]["stats"]["errors"]
    assert severities["warning"] == results["validate"]["stats"]["warnings"]


def test_every_finding_stands_where_the_file_says_that_something_is_wrong(results: dict[str, Any]) -> None:
    for file, kinds in _planted().items():
        lines = (SAMPLE / file).read_bytes().decode("latin-1").replace("\r\n", "\n").split("\n")
        found = [finding["line"] for finding in results["validate"]["errors"] if finding["file"] == file]
        marked = [number for number, line in enumerate(lines, 1) if re.search(r"\S.*# WRONG", line)]
        assert set(marked) <= set(found), file
        if file not in WITHOUT_COMMENTS:
            assert sum("# WRONG" in line for line in lines) == len(kinds), file


def test_no_comment_speaks_of_a_fault_that_is_not_in_the_table() -> None:
    marked = {
        path.relative_to(SAMPLE).as_posix()
        for path in SAMPLE.rglob("*")
        if path.is_file() and b"# WRONG" in path.read_bytes()
    }
    assert marked == _planted().keys() - WITHOUT_COMMENTS


def test_exceptions_that_hold_are_listed(results: dict[str, Any]) -> None:
    allowed = [(each["exceptionId"], each["entityId"]) for each in results["validate"]["stats"]["exceptions"]]
    assert allowed == [("EX-001", "FEAT-006"), ("EX-003", "T-015")]


def test_every_link_is_one_edge(results: dict[str, Any]) -> None:
    expected = []
    for line in EDGES.strip().splitlines():
        source, links = line.split(maxsplit=1)
        expected += [(source, *link.split()) for link in links.split(",")]
    found = [(edge["from"], edge["relation"], edge["to"]) for edge in results["graph"]["edges"]]
    assert sorted(found) == sorted(expected)


def test_links_that_lead_nowhere_are_shown_at_their_lines(results: dict[str, Any]) -> None:
    dangling = results["graph"]["dangling"]
    assert Counter((link["from"], link["to"], link["relation"], link["field"]) for link in dangling) == Counter(
        DANGLING
    )
    for link in dangling:
        assert "# WRONG" in (SAMPLE / link["file"]).read_text(encoding="utf-8").split("\n")[link["line"] - 1]


def test_cycles_are_shown(results: dict[str, Any]) -> None:
    assert results["graph"]["cycles"] == CYCLES


def test_every_readable_entity_is_a_node(results: dict[str, Any]) -> None:
    nodes = results["graph"]["nodes"]
    assert len({node["id"] for node in nodes}) == len(nodes)
    assert len(nodes) >= 60
    assert {node["type"] for node in nodes} == set(results["inspect"]["overview"]["types"])
    assert results["inspect"]["entities"] == nodes
    assert results["inspect"]["relationships"] == results["graph"]["edges"]


def test_every_gap_is_found_and_nothing_else(results: dict[str, Any]) -> None:
    found: dict[str, list[str]] = {}
    for gap in results["inspect"]["gaps"]:
        found.setdefault(gap["kind"], []).append(gap.get("entityId", "-"))
    assert {kind: sorted(ids) for kind, ids in found.items()} == {
        kind: sorted(ids) for kind, ids in _table(GAPS).items()
    }


def test_what_the_rules_want_looked_at_is_stale_and_nothing_else(results: dict[str, Any]) -> None:
    stale = [(each["ruleId"], each["id"]) for each in results["impact"]["stale"]]
    assert sorted(stale) == sorted((rule, each) for rule, ids in _table(STALE).items() for each in ids)


def test_what_is_next_to_what_changed_is_impacted_first(results: dict[str, Any]) -> None:
    assert sorted(each["id"] for each in results["impact"]["changed"]) == sorted(IMPACT_OF)
    near = [each["id"] for each in results["impact"]["impacted"] if each["distance"] == 1]
    assert sorted(near) == sorted(each for ids in _table(NEXT_TO_CHANGED).values() for each in ids)
    for each in results["impact"]["impacted"]:
        assert len(each["via"]) == each["distance"]
        assert each["via"][0] in IMPACT_OF
