"""A person's face as the vector of the recognizer that an identity adapter was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from easyphoto.domain import Floats
from easyphoto.engines.identity_files import VECTOR
from easyphoto.errors import BadModel
from easyphoto.system_errors import shortage_of

SIDE = 112  # pixels of a face as ArcFace aligns it (Deng et al., arXiv 1801.07698)


def face_vector(recognizer: Path, aligned: Sequence[Image.Image], unit: bool) -> Floats:
    """(512,) mean over the person's faces, which are aligned as ArcFace's, of any size.

    `unit`: of vectors of length 1, to length 1; else as the recognizer gives them. Raises BadModel for a file that is
    no such recognizer.
    """
    vectors = _vectors(recognizer, aligned)
    if vectors.shape != (len(aligned), VECTOR) or not aligned:
        raise _misfit(recognizer, f"{vectors.shape[-1]} numbers a face, not {VECTOR}")
    if unit:
        mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)
    return np.asarray(vectors.mean(0), np.float32)


def _vectors(recognizer: Path, aligned: Sequence[Image.Image]) -> Floats:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        # As bytes, since paths need not be ASCII.
        session = onnxruntime.InferenceSession(recognizer.read_bytes(), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return np.concatenate([session.run(None, {name: _blob(face)})[0] for face in aligned])
    except Exception as fault:  # its exceptions share no base class of their own
        raise shortage_of(fault) or _misfit(recognizer, str(fault)[:200]) from fault


def _blob(face: Image.Image) -> Floats:
    """(1, 3, 112, 112) RGB of -1..1."""
    pixels = np.asarray(face.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return np.ascontiguousarray(((pixels - 127.5) / 127.5).transpose(2, 0, 1)[None])


def _misfit(recognizer: Path, why: str) -> BadModel:
    return BadModel("engine.identity-does-not-fit", stage="identity", file=str(recognizer), why=why)
