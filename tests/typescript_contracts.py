"""Contracts to generate TypeScript from: the real one, one that it may grow into, and two made up."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.sidecar import ROOT

Json = dict[str, Any]

HASH = "0123456789abcdef" * 4
EVERY_SHAPE: Json = json.loads((ROOT / "tests" / "data" / "every_shape.json").read_text("utf-8"))


def bundle(definitions: Mapping[str, object], **sections: Json) -> Json:
    """The smallest contract that has these definitions."""
    error_data = {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]}
    return {
        "protocolVersion": 1,
        "methods": {},
        "notifications": {},
        "errors": {
            "kinds": {"internal": {"code": -32603, "retryable": False, "summary": "A bug."}},
            "data": {"$ref": "#/$defs/ErrorData"},
        },
        "$defs": {**definitions, "ErrorData": error_data},
        **sections,
    }


def real_bundle() -> Json:
    contract: Json = json.loads((ROOT / "schemas" / "protocol.json").read_text("utf-8"))
    return contract


def grown_bundle() -> Json:
    """The real contract with one more of everything, both ways: what a later version may add."""
    contract = real_bundle()
    later = {"$ref": "#/$defs/Later"}
    call = {"summary": "", "params": later, "result": later, "errors": ["later"], "emits": []}
    contract["$defs"]["Later"] = {"type": "object", "properties": {"x": {"enum": ["a", "b"]}}, "required": ["x"]}
    contract["errors"]["kinds"]["later"] = {"code": -32099, "retryable": False, "summary": ""}
    contract["methods"]["chat/later"] = {**call, "direction": "hostToService", "emits": ["stream/later"]}
    contract["methods"]["later/ask"] = {**call, "direction": "serviceToHost"}
    for name, direction in (("stream/later", "serviceToHost"), ("$/later", "hostToService")):
        contract["notifications"][name] = {"summary": "", "direction": direction, "params": later}
    chat = contract["methods"]["chat/complete"]
    chat["errors"].append("later")
    chat["emits"].append("stream/later")
    for definition in (chat["params"], chat["result"]):
        contract["$defs"][definition["$ref"].rpartition("/")[2]]["properties"]["later"] = later
    return contract


def one(pattern: str, text: str) -> str:
    """The only match in a generated text."""
    found: list[str] = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, f"{pattern} found {found} in:\n{text}"
    return found[0]
