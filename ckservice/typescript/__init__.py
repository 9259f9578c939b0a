"""The contract in TypeScript: the JSON Schema bundle in, the text of `protocol.ts` and `zod.ts` out.

The bundle is read once, strictly, into a few shapes (`shapes`), which two printers spell (`types`, `zod`) in a common
notation (`syntax`). Everything here is pure: the same bundle gives the same bytes on every machine.
"""

from ckservice.typescript.shapes import UnsupportedSchemaError
from ckservice.typescript.types import protocol_ts
from ckservice.typescript.zod import zod_ts

__all__ = ["UnsupportedSchemaError", "protocol_ts", "zod_ts"]
