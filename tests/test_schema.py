"""The contract: generated, deterministic, checked, and one with the handlers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ckservice import contract, protocol, schema
from ckservice.handlers import handlers
from ckservice.jsonrpc.errors import KERNEL_KINDS
from ckservice.protocol.errors import KINDS
from tests.sidecar import ROOT, WAIT_SECONDS

pytestmark = pytest.mark.source


def test_what_is_committed_is_what_the_models_say() -> None:
    assert schema.check(ROOT / "schemas") == []


def test_generation_is_deterministic_across_processes(tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "2"):
        directory = tmp_path / seed
        subprocess.run(
            [sys.executable, "-m", "ckservice", "schema", "--out", str(directory)],
            env={"PYTHONHASHSEED": seed, "PATH": "", "CKSERVICE_DATA_DIR": str(tmp_path)},
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=WAIT_SECONDS,
        )
        texts.append({path.relative_to(directory): path.read_bytes() for path in sorted(directory.rglob("*.*"))})
    assert texts[0] == texts[1]


def test_check_names_each_file_that_differs_is_missing_or_too_many(tmp_path: Path) -> None:
    schema.write(tmp_path)
    assert schema.check(tmp_path) == []
    (tmp_path / "meta.json").write_text("{}", encoding="utf-8")
    (tmp_path / "methods" / "ping.json").unlink()
    (tmp_path / "methods" / "gone.json").write_text("{}", encoding="utf-8")
    assert schema.check(tmp_path) == ["meta.json", "methods/gone.json", "methods/ping.json"]
    schema.write(tmp_path)
    assert schema.check(tmp_path) == []


def test_diff_names_the_first_field_that_differs() -> None:
    other = json.loads((ROOT / "schemas" / "protocol.json").read_text(encoding="utf-8"))
    other["$defs"]["Usage"]["properties"]["promptTokens"]["type"] = "string"
    assert schema.first_difference(schema.bundle(), other) == (
        '/$defs/Usage/properties/promptTokens/type is "integer" in this version and "string" in the other'
    )
    del other["methods"]["ping"]
    assert schema.first_difference(schema.bundle(), other) == "/methods/ping is only in this version"


def test_the_bundle_and_its_definitions_are_valid_json_schema() -> None:
    bundle = schema.bundle()
    Draft202012Validator.check_schema(bundle)
    for name in bundle["$defs"]:
        Draft202012Validator.check_schema({"$defs": bundle["$defs"], "$ref": f"#/$defs/{name}"})


def test_every_message_of_the_transcripts_fits_the_contract() -> None:
    bundle = schema.bundle()
    checked = 0
    for path in (ROOT / "tests" / "transcripts").glob("*.jsonl"):
        asked: dict[object, str] = {}
        for entry in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            message = entry.get("in", entry.get("out"))
            if not isinstance(message, dict) or (message.get("id") is None and "method" not in message):
                continue
            if "in" in entry:
                asked[message.get("id")] = message.get("method", "")
                continue
            checked += 1
            reference = _schema_of(message, asked, bundle)
            value = message["error"]["data"] if "error" in message else message.get("result", message.get("params"))
            Draft202012Validator({**reference, "$defs": bundle["$defs"]}).validate(value)
    assert checked > 80


def _schema_of(message: dict[str, Any], asked: dict[object, str], bundle: dict[str, Any]) -> Any:
    if "error" in message:
        return bundle["errors"]["data"]
    if "method" in message:
        return bundle["notifications"][message["method"]]["params"]
    return bundle["methods"][asked[message["id"]]]["result"]


def test_every_declared_method_has_a_handler_and_every_handler_a_declaration() -> None:
    assert [handler.request for handler in handlers(None)] == list(protocol.REQUESTS)  # type: ignore[arg-type]  # only bound


def test_declarations_name_only_what_is_in_the_contract() -> None:
    for request in protocol.REQUESTS:
        assert set(request.errors) <= set(KINDS) - set(KERNEL_KINDS)
        assert set(request.emits) <= set(protocol.NOTIFICATIONS)
    assert {notification for request in protocol.REQUESTS for notification in request.emits} == set(
        protocol.NOTIFICATIONS
    )


def test_error_codes_and_kinds_are_those_of_the_protocol() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert kind.user_message.endswith(".")
        assert -32768 <= kind.code <= -32000 or kind.code == -32800


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"protocolVersion": 1, "clientInfo": {"name": "a", "version": "1"}}, True),
        ({"protocolVersion": 1, "clientInfo": {"name": "a", "version": "1"}, "processId": 7, "later": []}, True),
        ({"protocolVersion": 1, "clientInfo": {"name": "a", "version": "1"}, "settings": {"logLevel": "debug"}}, True),
        ({"protocolVersion": True, "clientInfo": {"name": "a", "version": "1"}}, False),
        ({"protocolVersion": 1, "clientInfo": {"name": "a"}}, False),
        ({"protocolVersion": 1, "clientInfo": {"name": "a", "version": "1"}, "processId": 0}, False),
        ({"protocolVersion": 1, "clientInfo": {"name": "a", "version": "1"}, "settings": {"logLevel": "loud"}}, False),
        ({"protocolVersion": 1, "clientInfo": {"name": "a", "version": "1"}, "settings": {"x": 1}}, False),
    ],
)
def test_the_quick_check_of_the_handshake_agrees_with_the_models(value: dict[str, Any], fits: bool) -> None:
    document = contract.load("methods/initialize.json")
    assert contract.fits(value, document["params"], document) is fits
    if fits:
        protocol.service.InitializeParams.model_validate(value, extra="ignore")
