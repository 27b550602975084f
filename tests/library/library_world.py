"""What the tests of the library share: tiny pictures, a LoRA file, a person to create, an export."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from easyphoto.domain import LoraCheckpoint, ModelFamily, TrainingSet
from easyphoto.library import Library, PersonDraft
from easyphoto.locales import plain


def safetensors(file: Path, rank: int = 4, width: int = 768) -> Path:
    """A tiny LoRA file in kohya's format, made by hand; `width` of the cross attention tells the family."""
    module, at = "lora_unet_x_attn2_to_k", 0
    table: dict[str, Any] = {"__metadata__": {"ss_sd_model_name": "base.safetensors"}}
    for name, shape in (("lora_down", (rank, width)), ("lora_up", (2, rank))):
        size = 2 * shape[0] * shape[1]
        table[f"{module}.{name}.weight"] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(table).encode()
    file.write_bytes(struct.pack("<Q", len(head)) + head + bytes(at))
    return file


def picture(file: Path, shade: int = 90) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (shade, 100, 120)).save(file)
    return file


def draft(folder: Path, name: str = "Anna Müller") -> PersonDraft:
    pictures = tuple(picture(folder / "train" / f"{i:04d}.png", 90 + i) for i in range(3))
    crops = tuple(picture(folder / "photos" / f"{i:04d}.jpg", 90 + i) for i in range(3))
    made = TrainingSet(
        folder=folder,
        pictures=pictures,
        caption="c",
        reference=picture(folder / "reference.png"),
        reports=(),
        embeddings=np.zeros((3, 4), np.float32),
        warnings=(plain("Only 3 photos."),),
        crops=crops,
    )
    lora = LoraCheckpoint(safetensors(folder / "merged.safetensors"), ModelFamily.BUILTIN, 4, 200, 0.31)
    return PersonDraft(
        name=name,
        training_set=made,
        lora=lora,
        face_id=picture(folder / "best.png"),
        report={"losses": [[1, 0.5]], "note": "gut ✓"},
        base_model="built-in",
        recognizer="fake",
    )


def exported(shelf: Library, anna: PersonDraft, tmp_path: Path) -> Path:
    shelf.create(anna)
    return shelf.export("anna-muller", tmp_path / "anna.zip")
