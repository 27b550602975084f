"""Files of identity adapters, which make a diffusion model paint the face of a picture; told by their headers.

IP-Adapter (Ye et al. 2023) adds to every cross-attention a second one over tokens of an image encoder. Read are those
whose tokens come from the encoder ViT-H alone, plainly or through a resampler ("plus", "plus-face"). FaceID and
InstantID, whose tokens come from a recognizer, are none of these.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from easyphoto.domain import IdentityHint, ModelFamily
from easyphoto.errors import BadModel, MissingModel, NoStorage
from easyphoto.locales import Message, message
from easyphoto.tensor_file import read_header

PROJECTIONS = ("image_proj.proj.weight", "image_proj.latents")
"""A tensor of the layers that make tokens of the encoder's answer: plain, resampler."""
ENCODER_FOLDER, ENCODER_MARK = "image_encoder", "vision_model.embeddings.class_embedding"
VIT_H_WIDTH = 1280

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IdentityFiles:
    """An adapter and the image encoder that it reads with."""

    adapter: Path
    encoder: Path  # a safetensors file of ViT-H, or a folder with its config.json


def find_identity(folder: Path, family: ModelFamily) -> IdentityFiles | None:
    """The adapter for the family, one for faces before others, and the encoder; None where one of them is missing."""
    files = sorted(folder.glob("*.safetensors"), key=lambda file: ("face" not in file.name, file.name))
    adapters = [file for file in files if family_has(file, family)]
    encoders = [folder / ENCODER_FOLDER, *(file for file in files if is_encoder(file))]
    found = [entry for entry in encoders if entry.exists()]
    return IdentityFiles(adapters[0], found[0]) if adapters and found else None


def family_has(file: Path, family: ModelFamily) -> bool:
    """Whether the file is an adapter that fits each cross-attention of the family."""
    shapes = _shapes(file)
    layers = sum(name.startswith("ip_adapter.") and name.endswith(".to_k_ip.weight") for name in shapes)
    return any(name in shapes for name in PROJECTIONS) and 0 < layers == family.spec.identity_layers


def is_encoder(file: Path) -> bool:
    """Whether the file is the image encoder."""
    return _shapes(file).get(ENCODER_MARK) == (VIT_H_WIDTH,)


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Of the tensors; none in a file that cannot be read, which is logged."""
    try:
        return dict(read_header(file).shapes)
    except (BadModel, NoStorage) as problem:
        _log.warning("left out of the list of identity adapters: %s", problem)
        return {}


def left_out(hint: IdentityHint, family: ModelFamily, folder: Path) -> tuple[Message, ...]:
    """The note of a job that is painted without an adapter. Raises MissingModel where the job needs one."""
    group = f"identity-{family.value}"
    if hint.required:
        raise MissingModel("engine.no-identity-adapter", stage="render", folder=str(folder), group=group)
    return (message("engine.note.no-identity-adapter", group=group),)
