"""ckservice: the AI sidecar of Context Kit, one process speaking JSON-RPC on stdio."""

__version__ = "0.1.0"
