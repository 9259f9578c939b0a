"""The grammar of the command line."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from ckservice import contract
from ckservice.process import EXIT_USAGE

_DESCRIPTION = "The AI sidecar of Context Kit. Without a command it serves JSON-RPC on stdin and stdout."


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of repeating the usage."""

    def error(self, message: str) -> NoReturn:
        end = "" if message.endswith("?") else f"; see {self.prog} --help."
        sentence = f"{self.prog}: {message}{end}"
        # A host gets it as it gets every reason to exit; a person would only be puzzled by the second line.
        line = "" if sys.stderr.isatty() else json.dumps({"code": EXIT_USAGE, "reason": sentence}) + "\n"
        self.exit(EXIT_USAGE, f"{sentence}\n{line}")


_COMMANDS = ("serve", "call", "schema", "doctor", "replay")


def parse(arguments: Sequence[str], version: str) -> argparse.Namespace:
    """Read the arguments; exits with 2 and a sentence if they make no sense."""
    parser = _parser(version)
    first = arguments[0]
    if first.startswith("-") and first not in ("-h", "--help", "--version"):
        arguments = ["serve", *arguments]  # `ckservice --record FILE` is `ckservice serve --record FILE`
    elif not first.startswith("-") and first not in _COMMANDS:
        similar = get_close_matches(first, _COMMANDS, n=1)
        parser.error(f"there is no command {first!r}" + (f"; did you mean {similar[0]}?" if similar else ""))
    return parser.parse_args(arguments)


def _parser(version: str) -> argparse.ArgumentParser:
    root = _Parser(prog="ckservice", description=_DESCRIPTION, allow_abbrev=False)
    root.add_argument("--version", action="version", version=f"ckservice {version}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    _add_serve(commands.add_parser("serve", help="serve JSON-RPC on stdin and stdout (the default)"))
    methods = ", ".join(contract.load("meta.json")["methods"])
    _add_call(
        commands.add_parser("call", help="send one request and print what comes back", epilog=f"methods: {methods}")
    )
    _add_schema(commands.add_parser("schema", help="write, check or compare the generated contract"))
    _add_doctor(commands.add_parser("doctor", help="tell how this installation is, and what to do about it"))
    _add_replay(commands.add_parser("replay", help="run a recorded session again and compare"))
    return root


def _add_serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--record", metavar="FILE", help="write both directions to FILE, secrets redacted")
    command.add_argument(
        "--drain-timeout",
        metavar="SECONDS",
        type=_seconds,
        help="how long to finish what runs after the end of input (default: 10 once initialized, else no limit)",
    )
    command.add_argument(
        "--no-watch-parent",
        dest="watch_parent",
        action="store_false",
        help="keep running when the parent process ends",
    )


def _add_call(command: argparse.ArgumentParser) -> None:
    command.add_argument("method", metavar="METHOD", help="such as chat/complete")
    command.add_argument("params", metavar="PARAMS", nargs="?", help="JSON, @FILE or - for stdin (default: none)")
    command.add_argument("--follow", action="store_true", help="print notifications as JSON lines, as they come")


def _add_schema(command: argparse.ArgumentParser) -> None:
    group = command.add_mutually_exclusive_group()
    group.add_argument("--out", metavar="DIR", help="write the generated files (default: print the bundle)")
    group.add_argument(
        "--check",
        metavar="DIR",
        nargs="?",
        const="",
        help="exit 1 if the files in DIR (default: the shipped ones) differ",
    )
    group.add_argument("--diff", metavar="FILE", help="name the first difference to another protocol.json")


def _add_doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", dest="as_json", action="store_true", help="print JSON")


def _add_replay(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="what --record wrote")
    command.add_argument(
        "--exe", metavar="PATH", help="the program to replay against (default: this one)", default=None
    )


def _seconds(text: str) -> float:
    value = float(text)
    if value < 0 or math.isnan(value):
        raise ValueError
    return value


_seconds.__name__ = "number of seconds"  # argparse says "invalid number of seconds value"
