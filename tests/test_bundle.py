"""The packaged program, in the places and moods that a user's machine has for it. Only with `--exe PATH`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ckservice import __version__
from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar

MAX_BYTES = 45_000_000
MAX_FILES = 160
QUESTION = {"messages": [{"role": "user", "content": "Ist Café \N{GRINNING FACE} offen?"}]}

pytestmark = pytest.mark.usefixtures("exe")

Start = Callable[..., Sidecar]
Environment = dict[str, str]

is_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such thing")


@pytest.fixture
def exe(request: pytest.FixtureRequest) -> Path:
    """The packaged program."""
    path = request.config.getoption("--exe")
    if path is None:
        pytest.skip("needs a packaged ckservice: --exe PATH")
    return Path(path).resolve()


@pytest.fixture
def bare(tmp_path: Path) -> Environment:
    """Nothing but what a process can't do without."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return {**needed, "CKSERVICE_DATA_DIR": str(tmp_path / "data")}


def run(command: list[Any], env: Environment, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=env, capture_output=True, encoding="utf-8", timeout=WAIT_SECONDS, check=False, **options
    )


def assert_works(command: list[Any], env: Environment, cwd: Path = ROOT) -> None:
    """It answers in UTF-8, says nothing else, and ends."""
    requests = [
        {"jsonrpc": "2.0", "id": 1, "method": "health/check"},
        {"jsonrpc": "2.0", "id": 2, "method": "chat/complete", "params": {**QUESTION, "stream": False}},
    ]
    lines = "".join(json.dumps(request, ensure_ascii=False) + "\n" for request in requests)
    done = run(command, {**env, "CKSERVICE_LOG_LEVEL": "warning"}, cwd=cwd, input=lines)
    assert (done.returncode, done.stderr) == (0, "")
    answers = {answer["id"]: answer["result"] for answer in map(json.loads, done.stdout.splitlines())}
    assert answers.keys() == {1, 2}
    assert answers[1]["status"] == "healthy"
    assert answers[2]["content"].endswith(QUESTION["messages"][0]["content"])


def test_it_is_small(exe: Path) -> None:
    files = [path for path in exe.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert len(files) <= MAX_FILES


def test_it_tells_its_version(exe: Path, bare: Environment) -> None:
    done = run([exe, "--version"], bare)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ckservice {__version__}\n", "")


def test_it_holds_the_contract(exe: Path, environment: Environment) -> None:
    """The generated files, and models with every description that went into them."""
    for arguments in (["schema", "--check"], ["schema", "--diff", str(ROOT / "schemas" / "protocol.json")]):
        done = run([exe, *arguments], environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    findings = json.loads(run([exe, "doctor", "--json"], environment).stdout)
    assert all(finding["is_well"] for finding in findings)
    assert findings[0]["value"] == f"{__version__}, packaged"


def test_it_is_one_process(start: Start, tmp_path: Path) -> None:
    """The host's handle is the service's own: a signal reaches it, and nothing is unpacked anywhere."""
    (tmp_path / "temporary").mkdir()
    service = start(env=dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path / "temporary")))
    assert service.initialize()["serverInfo"]["pid"] == service.process.pid
    assert service.call("chat/complete", QUESTION)["finishReason"] == "stop"
    assert psutil.Process(service.process.pid).children() == []
    assert service.end() == 0
    assert list((tmp_path / "temporary").iterdir()) == []


def test_it_starts_many_times_at_once(exe: Path, bare: Environment) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: assert_works([exe], bare), range(12)))


# Where it is, and what is around it


@pytest.mark.parametrize("cwd", ["/", "a folder of its own"])
def test_it_works_with_an_empty_environment(exe: Path, bare: Environment, tmp_path: Path, cwd: str) -> None:
    assert_works([exe], bare, tmp_path if cwd != "/" else Path(tmp_path.anchor))


@is_posix
def test_it_finds_the_home_directory(exe: Path, tmp_path: Path) -> None:
    assert_works([exe], {"HOME": str(tmp_path)})
    assert [path.name for path in tmp_path.rglob("ckservice")] == ["ckservice"]


def test_it_ignores_what_is_meant_for_python(exe: Path, bare: Environment, tmp_path: Path) -> None:
    poison = tmp_path / "poison"
    poison.mkdir()
    for name in ("ckservice", "json", "sitecustomize", "startup", "typing", "usercustomize"):
        (poison / f"{name}.py").write_text("raise SystemExit('poisoned')", encoding="utf-8")
    meant_for_python = {
        "PYTHONHOME": str(tmp_path / "nowhere"),
        "PYTHONPATH": str(poison),
        "PYTHONSTARTUP": str(poison / "startup.py"),
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "latin-1",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1",
        "PYTHONVERBOSE": "1",
        "PYTHONDEBUG": "1",
        "PYTHONPROFILEIMPORTTIME": "1",
        "PYTHONTRACEMALLOC": "1",
        "VIRTUAL_ENV": str(poison),
        "LC_ALL": "C",
    }
    env = {**bare, **meant_for_python}
    assert_works([exe], env, cwd=poison)
    assert run([exe, "schema", "--check"], env, cwd=poison).returncode == 0


@pytest.mark.parametrize("locale", ["C", "tr_TR.UTF-8", "en_US.ISO-8859-1"])
def test_it_speaks_utf_8_in_every_locale(exe: Path, bare: Environment, tmp_path: Path, locale: str) -> None:
    if "." in locale and sys.platform == "linux":
        make_locale(tmp_path, locale)
    env = {**bare, "LOCPATH": str(tmp_path), "LC_ALL": locale, "PYTHONUTF8": "0"}
    done = run([exe, "call", "ping", r'{"caf\u00e9 \u0142": true}'], env)
    assert done.returncode == 1
    assert "  café ł: " in done.stderr  # which names the parameter that `ping` does not have


def make_locale(folder: Path, name: str) -> None:
    """Machines have few locales installed, and a missing one is the C locale, which Python takes for UTF-8."""
    language, _, charmap = name.partition(".")
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales", language).exists():
        pytest.skip("the sources of glibc's locales are not installed")
    subprocess.run(["localedef", "-i", language, "-f", charmap, folder / name], check=True, timeout=WAIT_SECONDS)


def test_it_works_wherever_it_is_put(exe: Path, bare: Environment, tmp_path: Path) -> None:
    folder = tmp_path / "Zoë & Söhne" / "Mein Programm (é)"
    shutil.copytree(exe.parent, folder, symlinks=True)
    assert_works([folder / exe.name], bare, cwd=tmp_path)
    assert run([folder / exe.name, "schema", "--check"], bare).returncode == 0
    done = run([folder / exe.name, "call", "ping"], bare)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")


@is_posix
def test_it_works_through_links(exe: Path, bare: Environment, tmp_path: Path) -> None:
    (tmp_path / "ckservice").symlink_to(exe)
    (tmp_path / "folder é").symlink_to(exe.parent, target_is_directory=True)
    assert_works([tmp_path / "ckservice"], bare)
    assert_works([tmp_path / "folder é" / exe.name], bare)
    assert_works(["ckservice"], {**bare, "PATH": str(tmp_path)})


# It starts itself


def test_it_calls_itself(exe: Path, environment: Environment) -> None:
    done = run([exe, "call", "chat/complete", "-"], environment, input=json.dumps(QUESTION))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["content"].endswith(QUESTION["messages"][0]["content"])
    done = run([exe, "call", "no/such"], environment)
    assert done.returncode == 1
    assert "methodNotFound" in done.stderr


def test_it_replays_itself(exe: Path, environment: Environment, tmp_path: Path) -> None:
    recording = tmp_path / "session.jsonl"
    with Sidecar([str(exe), "--record", str(recording)], env=environment) as service:
        service.initialize()
        service.call("chat/complete", QUESTION)
        assert service.end() == 0
    done = run([exe, "replay", recording], environment)
    assert done.returncode == 0, done.stderr


# It goes, whatever ends it, and leaves no process behind


@pytest.fixture(params=["starting", "idle", "busy"])
def service(request: pytest.FixtureRequest, start: Start) -> Sidecar:
    """A service in one of the states that an end can meet."""
    service = start()
    if request.param != "starting":
        service.initialize(settings={"offline": {"tokenDelayMs": 50}})
    if request.param == "busy":
        make_busy(service)
    return service


def make_busy(service: Sidecar) -> None:
    service.request("busy", "chat/complete", {"messages": [{"role": "user", "content": "word " * 40}]})
    service.wait_for(lambda message: message.get("method") == "stream/token")


@pytest.fixture
def leaves_nothing() -> Iterator[Callable[[int], None]]:
    """Takes note of a process and of all that it has started; they must be gone at the end."""
    family: list[psutil.Process] = []

    def note(pid: int) -> None:
        process = psutil.Process(pid)
        family.extend([process, *process.children(recursive=True)])

    yield note
    survivors = [process for process in family if not is_gone(process)]
    for process in survivors:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert survivors == []


def is_gone(process: psutil.Process) -> bool:
    """Ended; where nobody inherits orphans, a zombie is all there will ever be of it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        with suppress(psutil.TimeoutExpired):
            process.wait(0.02)
    return False


def test_it_goes_at_the_end_of_input(service: Sidecar, leaves_nothing: Callable[[int], None]) -> None:
    leaves_nothing(service.process.pid)
    assert service.end() == 0


@is_posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_goes_at_a_signal(
    service: Sidecar, leaves_nothing: Callable[[int], None], number: signal.Signals, request: pytest.FixtureRequest
) -> None:
    leaves_nothing(service.process.pid)
    service.process.send_signal(number)
    code = service.exit_code()
    # Before our first line has run, the code is that of the kernel, the bootloader or the interpreter.
    assert code == 0 or "starting" in request.node.callspec.id


def test_it_goes_when_it_is_killed(service: Sidecar, leaves_nothing: Callable[[int], None]) -> None:
    leaves_nothing(service.process.pid)
    service.process.kill()
    service.exit_code()


HOST = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
"""A host whose service inherits our pipes: they stay open when it dies."""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_it_goes_with_its_parent(
    exe: Path, environment: Environment, leaves_nothing: Callable[[int], None], state: str
) -> None:
    with Sidecar([sys.executable, "-c", HOST, str(exe)], env=environment) as host:
        started = host.initialize(settings={"offline": {"tokenDelayMs": 50}})
        if state == "busy":
            make_busy(host)
        leaves_nothing(started["serverInfo"]["pid"])
        host.process.kill()
        host.wait_for_output_end()
