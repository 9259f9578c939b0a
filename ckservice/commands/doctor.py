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
from ckservice.llm.gateway import ALL_PROVIDERS, PROVIDERS
from ckservice.process import Options

_LIBRARIES = ("anyio", "jsonschema", "orjson", "pydantic")


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    is_well: bool
    value: str
    advice: str = ""


def run(*, options: Options, as_json: bool) -> int:
    """Print what was found; 1 where something keeps ckservice from working."""
    findings = [*_program(), _data_directory(Path(options.data_directory)), _contract(), *_providers()]
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


def _providers() -> Iterator[Finding]:
    for name in ALL_PROVIDERS:
        yield Finding(name, True, "ready" if name in PROVIDERS else "not in this version")
