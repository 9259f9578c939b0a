"""`ckservice replay FILE`: run a recorded session again and say where it first differs.

What the host wrote is written again, each line after the answers that came before it in the recording.
What depends on time is left out of the comparison: how text was cut into notifications, in which order
different requests were answered, how long things took, and how far a cancelled answer had got.
"""

import base64
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ckservice.commands.child import Child, own_command
from ckservice.process import EXIT_USAGE
from ckservice.schema import first_difference

_WAIT_SECONDS = 30
_VOLATILE = frozenset(
    {
        "createdAt",
        "durationMs",
        "errorId",
        "eventLoopLagMs",
        "firstTokenMs",
        "freedBytes",
        "generationTimeMs",
        "indexedAt",
        "latencyMs",
        "p50",
        "p95",
        "p99",
        "pid",
        "retrievalTimeMs",
        "schemaHash",
        "sizeBytes",
        "uptimeMs",
        "version",
    }
)
_CUT_SHORT = ("cancelled", "deadlineExceeded", "shuttingDown")
_TEXT_NOTIFICATIONS = ("stream/token", "stream/reasoning")


class Entry(NamedTuple):
    """A line of a recording: a line to write, or a message that came."""

    is_input: bool
    value: Any
    size: int | None


def run(*, file: str, exe: str | None) -> int:
    """Print the first difference; 1 if there is one, 2 if the file can't be read."""
    try:
        entries = list(read_recording(Path(file)))
    except (OSError, ValueError) as error:
        print(f"ckservice replay: {file} is not a recording: {error}", file=sys.stderr)
        return EXIT_USAGE
    recorded = _Conversation()
    replayed = _Conversation()
    with Child([exe] if exe else own_command(), {}, quiet=True) as child:
        for entry in entries:
            if entry.is_input:
                child.write(_to_line(entry))
            else:
                recorded.add(entry.value)
                if not _keep_up(entry.value, recorded, replayed, child):
                    break  # the comparison will say what is missing
        child.close_input()
        with suppress(TimeoutError):  # it hangs: what it has said so far is compared, and then it is ended
            while (message := child.read(_WAIT_SECONDS)) is not None:
                replayed.add(message)
    difference = recorded.first_difference(replayed)
    print(f"{file}: {difference or 'no difference'}")
    return 1 if difference else 0


def read_recording(path: Path) -> Iterable[Entry]:
    """Parse a recording.

    Raises:
        ValueError: a line is not an entry.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("//"):
            continue
        entry = json.loads(line)
        if not isinstance(entry, dict) or ("in" in entry) == ("out" in entry):
            raise ValueError(f'line {number} holds neither "in" nor "out"')
        yield Entry("in" in entry, entry.get("in", entry.get("out")), entry.get("bytes"))


def _to_line(entry: Entry) -> bytes:
    if isinstance(entry.value, dict) and entry.value.keys() == {"base64"}:
        line = base64.b64decode(entry.value["base64"])
    elif isinstance(entry.value, str):
        line = entry.value.encode("utf-8")
    else:
        line = json.dumps(entry.value).encode("ascii")
    return line.ljust(entry.size or 0)


def _keep_up(message: Any, recorded: "_Conversation", replayed: "_Conversation", child: Child) -> bool:
    """Read until the replay has got as far as the recording with the request that a message belongs to."""
    key = _key(message)
    while not replayed.has_reached(recorded, key):
        try:
            found = child.read(_WAIT_SECONDS)
        except TimeoutError:
            return False
        if found is None:
            return False
        replayed.add(found)
    return True


class _Conversation:
    """The messages of the service, by the request they belong to, without what depends on time."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, message: Any) -> None:
        """Take in a message; text that continues is joined."""
        messages = self.messages[_key(message)]
        message = _without_volatile(message)
        if isinstance(message, dict) and message.get("method") in _TEXT_NOTIFICATIONS:
            params = message["params"]
            message = {"method": message["method"], "text": params["token"]}
            if messages and messages[-1].get("method") == message["method"]:
                messages[-1]["text"] += message["text"]
                return
        elif isinstance(message, dict) and "method" in message and "params" in message:
            message["params"].pop("seq", None)
        elif isinstance(message, dict) and message.get("error", {}).get("data", {}).get("kind") in _CUT_SHORT:
            message["error"]["data"].pop("partial", None)
            for other in messages:
                other.pop("text", None)
        messages.append(message)

    def has_reached(self, other: "_Conversation", key: str) -> bool:
        """Whether as many messages of a request are here as there."""
        return len(self.messages[key]) >= len(other.messages[key])

    def first_difference(self, other: "_Conversation") -> str | None:
        """Where the other first differs, request by request."""
        for key in [*self.messages, *(key for key in other.messages if key not in self.messages)]:
            ours, theirs = self.messages.get(key, []), other.messages.get(key, [])
            for place in range(max(len(ours), len(theirs))):
                if place >= len(theirs):
                    return f"{key}: {json.dumps(ours[place])} did not come"
                if place >= len(ours):
                    return f"{key}: {json.dumps(theirs[place])} was not in the recording"
                if difference := first_difference(ours[place], theirs[place]):
                    return f"{key}: {difference}".replace("this version", "the recording").replace(
                        "other version", "replay"
                    )
        return None


def _key(message: Any) -> str:
    if not isinstance(message, dict):
        return "batch"
    if "method" in message:
        return f"request {json.dumps(message.get('params', {}).get('requestId'))}"
    return f"request {json.dumps(message.get('id'))}"


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        cleaned = {name: "*" if name in _VOLATILE else _without_volatile(item) for name, item in value.items()}
        if str(cleaned.get("id", "")).startswith("chat-"):
            cleaned["id"] = "*"
        return cleaned
    return [_without_volatile(item) for item in value] if isinstance(value, list) else value
