"""The command line, and the only reader of arguments and environment.

Serving is what an app does, many times a day, without arguments: nothing is imported or parsed for it
that is not needed before the first answer.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ckservice import __version__, environment
from ckservice.errors import ConfigurationError
from ckservice.process import EXIT_CONFIGURATION, Options, fail, leave
from ckservice.serve import serve

if TYPE_CHECKING:
    import argparse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    given = vars(_parse(arguments)) if arguments else {}
    command = given.pop("command", None) or "serve"
    try:
        options = _options(**(given if command == "serve" else {}))
    except ConfigurationError as error:
        fail(EXIT_CONFIGURATION, error.message)
    if command == "serve":
        environment.withhold(os.environ)
        serve(options)
    try:
        code = _run(command, given, options)
        sys.stdout.flush()
    except BrokenPipeError:
        leave()  # whoever read our output, `head` perhaps, has read enough
    except OSError as error:
        print(f"ckservice {command}: {error.filename or 'input or output'}: {error.strerror}", file=sys.stderr)
        return 1
    return code


def _options(*, record: str | None = None, drain_timeout: float | None = None, watch_parent: bool = True) -> Options:
    environ = os.environ
    return Options(
        settings=environment.settings(environ),
        log_format=environment.log_format(environ),
        data_directory=environment.data_directory(environ),
        endpoints=environment.endpoints(environ),
        keys=environment.keys(environ),
        record=record,
        drain_timeout=drain_timeout,
        watch_parent=watch_parent,
    )


def _run(command: str, given: dict[str, Any], options: Options) -> int:
    if command == "call":
        from ckservice.commands import call

        return call.run(quiet=options.settings.get("logLevel") is None, **given)
    if command == "schema":
        from ckservice.commands import schema

        return schema.run(**given)
    if command == "replay":
        from ckservice.commands import replay

        return replay.run(**given)
    from ckservice.commands import doctor

    return doctor.run(options=options, **given)


def _parse(arguments: Sequence[str]) -> "argparse.Namespace":
    from ckservice.commands.arguments import parse

    return parse(arguments, __version__)


if __name__ == "__main__":
    sys.exit(main())
