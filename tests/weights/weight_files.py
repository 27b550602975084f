"""Files of a list that are made up for tests."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from easyphoto.weights import WeightFile, WeightSource
from easyphoto.weights.patience import Patience

SHORT = Patience(timeout=2, slowest=20_000, window=0.3, attempts=2, worth=1, pause=0.01, longest_pause=0.05)


def tensor_bytes(size: int = 200_000, seed: int = 1) -> bytes:
    """What begins like a safetensors file."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + random.Random(seed).randbytes(size)


def listed(content: bytes, *addresses: str, known: bool = True, **changes: Any) -> WeightFile:
    """A file of the list with that content; `known`: its length and hash stand there."""
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} if known else {}
    plain = {"id": "net", "name": "net.safetensors", "role": "vae", "license": "MIT", "commercial": True}
    sources = tuple(WeightSource("https", url=address) for address in addresses)
    return WeightFile(**{**plain, **facts, "groups": ("some",), "sources": sources, **changes})
