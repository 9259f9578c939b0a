"""One run of a program: bounded in time and output, and nothing left of it afterwards."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from ckservice.context.git.process import run
from ckservice.errors import GitFailed
from tests.sidecar import wait_until

pytestmark = pytest.mark.source


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize("reason", ["timeout", "cancelled", "output"])
async def test_a_run_that_is_ended_takes_its_children_along(tmp_path: Path, reason: str) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 100 & echo $! > '{pids}'; echo $$ >> '{pids}'; " + ("yes" if reason == "output" else "sleep 100")

    async def start(seconds: float) -> bool:
        command, env = ["/bin/sh", "-c", script], {"PATH": os.environ["PATH"]}
        output = await run(command, cwd=tmp_path, env=env, given=b"", max_bytes=100, seconds=seconds)
        assert len(output.data) == 100
        return output.is_cut

    if reason == "timeout":
        with pytest.raises(GitFailed, match=r"longer than 0\.5 seconds"):
            await start(0.5)
    elif reason == "output":
        assert await start(10)
    else:
        with anyio.move_on_after(0.5) as scope:
            await start(10)
        assert scope.cancelled_caught
    for pid in map(int, pids.read_text().split()):
        wait_until(lambda pid=pid: not _is_running(pid))  # type: ignore[misc] # mypy can't infer a default


async def test_a_program_that_does_not_listen(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "import sys; sys.stderr.write('x' * 1_000_000); sys.exit(3)"]
    output = await run(program, cwd=tmp_path, env={}, given=b"y" * 5_000_000, max_bytes=10, seconds=20)
    assert (output.data, output.is_cut, output.code, output.complaint[:2]) == (b"", False, 3, "xx")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
