"""`ckservice doctor`: how this installation is, and what to do about what is not well."""

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from ckservice import __version__, contract, schema
from ckservice.commands.child import Child, own_command
from ckservice.process import Options

_LIBRARIES = ("anthropic", "anyio", "httpx2", "jsonschema", "openai", "orjson", "pydantic")
_PROBE_SECONDS = 15
_ABSENT = {"providerNotConfigured": "not set up", "providerUnavailable": "not there"}


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    is_well: bool
    value: str
    advice: str = ""


def run(*, options: Options, as_json: bool) -> int:
    """Print what was found; 1 where something keeps ckservice from working."""
    findings = [
        *_program(),
        _data_directory(Path(options.data_directory)),
        _contract(),
        *_providers(options.settings.get("config", {}).get("provider")),
    ]
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{'ok ' if finding.is_well else 'BAD'}  {finding.name:<15} {finding.value}")
            if finding.advice:
                print(f"     {'':<15} {finding.advice}")
    return 0 if all(finding.is_well for finding in findings) else 1


def _program() -> Iterator[Finding]:
    kind = "packaged" if getattr(sys, "frozen", False) else f"from {Path(contract.__file__).parent}"
    yield Finding("ckservice", True, f"{__version__}, {kind}")
    yield Finding("python", True, f"{platform.python_version()} on {platform.platform()}")
    for name in _LIBRARIES:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:  # a bundle carries no metadata for what it imports without it
            yield Finding(name, True, "bundled")
    yield Finding("sqlite", True, sqlite3.sqlite_version)


def _data_directory(path: Path) -> Finding:
    advice = "Set CKSERVICE_DATA_DIR to a directory that you can write."
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data directory", False, f"{path} can't be written", advice)
    return Finding("data directory", True, str(path) if path.exists() else f"{path} (made when needed)")


def _contract() -> Finding:
    directory = Path(contract.schemas_directory())
    if not directory.is_dir():
        return Finding("contract", False, f"{directory} is missing", "Install ckservice again.")
    stale = schema.check(directory)
    if stale:
        return Finding("contract", False, f"{len(stale)} generated files differ", "Run: ckservice schema --out schemas")
    return Finding("contract", True, f"{contract.load('meta.json')['schemaHash'][:12]}, fits the models")


def _providers(configured: str | None) -> Iterator[Finding]:
    """What a service that is started as always finds out about its providers; only the configured one has to be there."""
    with Child(own_command(), {}, quiet=True) as child:
        child.write(b'{"jsonrpc":"2.0","id":1,"method":"health/providers"}')
        try:
            answer = child.read(_PROBE_SECONDS) or {}
        except TimeoutError:
            answer = {}
    found = answer.get("result", {}).get("providers", {})
    if not found:
        yield Finding("providers", False, "the service does not answer", "Run: ckservice call health/providers")
    for name, health in found.items():
        if health["available"]:
            yield Finding(name, True, f"answers within {health['latencyMs']:.0f} ms, {len(health['models'])} models")
        else:
            error = health["error"]
            yield Finding(name, name != configured, _ABSENT.get(error["kind"], error["kind"]), error["message"])
