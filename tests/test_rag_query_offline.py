"""`rag/query` without a model: what the sources say, or that they say nothing."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.answering import QUESTION, ROCKET, ask, cited, garden, sources
from tests.providers.process import running
from tests.providers.server import closed_port
from tests.sidecar import Sidecar


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return garden(tmp_path_factory.mktemp("garden"))


@pytest.fixture(scope="module")
def process(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with running(pytestconfig, tmp_path_factory.mktemp("data")) as sidecar:
        yield sidecar


@pytest.fixture
def sidecar(process: Sidecar, repository: Path) -> Sidecar:
    process.call("settings/update", {"repoPath": str(repository), "offline": None})
    process.messages.clear()
    return process


def test_offline_the_answer_is_what_the_sources_say(sidecar: Sidecar) -> None:
    result = ask(sidecar)
    first, *listed = result["answer"].split("\n")
    assert first.startswith("No model is connected;")
    place = [source["entityId"] for source in result["sources"]].index("docs/rota.md#watering-rota")
    assert f"- The watering rota changes on Mondays at noon. [{place + 1}]" in listed
    assert "docs/rota.md#watering-rota" in cited(result)
    metadata = result["metadata"]
    assert (metadata["provider"], metadata["model"], metadata["finishReason"]) == ("offline", "offline", "stop")
    assert (metadata["mode"], metadata["stale"], metadata["usage"]["costUsd"]) == ("lexical", False, 0.0)
    assert metadata["usage"]["completionTokens"] > 0
    assert ask(sidecar)["answer"] == result["answer"]


def test_offline_the_answer_is_the_same_in_every_process(
    sidecar: Sidecar, start: Callable[..., Sidecar], repository: Path
) -> None:
    query = "When does the rota change, who must agree to swap, and is the watering fair?"
    answer = ask(sidecar, query)["answer"]
    for seed in ("1", "2"):
        other = start(env={"PYTHONHASHSEED": seed, "CKSERVICE_REPO_PATH": str(repository)})
        assert ask(other, query)["answer"] == answer


def test_without_stream_only_the_response_is_sent(sidecar: Sidecar) -> None:
    result = ask(sidecar, stream=False)
    assert result["sources"]
    assert result["citations"]
    assert sidecar.notifications(f"call-{sidecar.taken}") == []


@pytest.mark.parametrize("query", ["?!", "Mortgage interest in Switzerland", ROCKET, "zzz " * 2500, "\u200b"])
def test_what_matches_nothing_is_answered_without_a_model(sidecar: Sidecar, query: str) -> None:
    nobody = {"provider": "ollama", "model": "m", "endpoint": f"http://127.0.0.1:{closed_port()}"}
    result = ask(sidecar, query, config=nobody)
    assert (result["answered"], result["sources"]) == (False, [])
    assert result["answer"].startswith("Nothing in this repository matches the question;")
    metadata = result["metadata"]
    assert (metadata["provider"], metadata["model"], metadata["finishReason"]) == ("ollama", "m", "stop")
    assert metadata["usage"] == {"promptTokens": 0, "completionTokens": 0, "totalTokens": 0, "costUsd": 0.0}


def test_a_question_of_ten_thousand_characters_is_answered(sidecar: Sidecar) -> None:
    assert ask(sidecar, (QUESTION + " ") * 277 + "Mondays?")["answered"]


@pytest.mark.parametrize("query", ["", "x" * 10_001, 7])
def test_what_is_no_question_is_refused(sidecar: Sidecar, query: Any) -> None:
    error = sidecar.call("rag/query", {"query": query})
    assert [detail["path"] for detail in error["data"]["errors"]] == ["query"]


def test_offline_a_file_adds_no_source_and_no_mark(sidecar: Sidecar) -> None:
    result = ask(sidecar, "Is compost poison?")
    assert [source["entityId"] for source in result["sources"]] == ["docs/hostile.md#compost"]
    assert "<source" not in result["answer"]
    assert set(cited(result)) == {"docs/hostile.md#compost"}


def test_offline_marks_in_a_file_are_text(sidecar: Sidecar) -> None:
    result = ask(sidecar, "When is the wormery fed?")
    assert result["answer"].endswith("- The wormery is fed on Sundays, cite \\[9] and \\[2] and \\[1, 2]. [1]")
    assert cited(result) == ["docs/traps.md#wormery"]


def test_offline_a_chat_about_html_is_no_query(sidecar: Sidecar) -> None:
    messages = [{"role": "user", "content": '<source src="a.mp4">'}, {"role": "user", "content": "What is it?"}]
    assert sidecar.call("chat/complete", {"messages": messages})["content"].endswith("You wrote: What is it?")


def test_offline_the_settings_slow_it_down_cut_it_and_make_it_fail(sidecar: Sidecar) -> None:
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 150}})
    assert ask(sidecar)["metadata"]["generationTimeMs"] >= 150
    cut = ask(sidecar, config={"maxTokens": 4})
    assert (cut["answer"], cut["metadata"]["finishReason"]) == ("No model is connected;", "length")
    sidecar.call(
        "settings/update", {"offline": {"firstTokenDelayMs": 0, "fault": "streamInterrupted", "faultAfterTokens": 3}}
    )
    error = sidecar.call("rag/query", {"query": QUESTION})
    assert (error["data"]["kind"], error["data"]["partial"]) == ("streamInterrupted", "No model is")
    assert sources(sidecar)


def test_a_first_index_is_waited_for_and_told_of(sidecar: Sidecar, tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}.md").write_text(f"# Bed {number}\n\nBed {number} holds beans.\n")
    result = ask(sidecar, "Which bed is number 99?", repoPath=str(tmp_path))
    assert "Bed 99 holds beans." in result["answer"]
    phases = [told["params"]["phase"] for told in sidecar.notifications(f"call-{sidecar.taken}", "stream/progress")]
    assert set(phases) & {"scanning", "indexing"}


def test_what_has_changed_is_in_the_next_answer(sidecar: Sidecar, repository: Path, tmp_path: Path) -> None:
    root = tmp_path / "garden"
    shutil.copytree(repository, root)
    ask(sidecar, repoPath=str(root))
    (root / "docs/rota.md").write_text("# Watering rota\n\nThe watering rota changes on Fridays.\n")
    assert "- The watering rota changes on Fridays." in ask(sidecar, repoPath=str(root))["answer"]
