"""What the tests of the library share: tiny pictures, a LoRA file, a person to create, an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lora_files import write_lora
from PIL import Image

from easyphoto.domain import LoraCheckpoint, ModelFamily, TrainingSet
from easyphoto.library import Library, PersonDraft
from easyphoto.locales import plain


def lora_file(file: Path, rank: int = 4, width: int = 768) -> Path:
    """A tiny LoRA; `width` of the cross attention tells the family."""
    zeros = np.zeros((2, rank), np.float16), np.zeros((rank, width), np.float16)
    return write_lora(file, {"lora_unet_x_attn2_to_k": zeros}, ss_sd_model_name="base.safetensors")


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
    lora = LoraCheckpoint(lora_file(folder / "merged.safetensors"), ModelFamily.BUILTIN, 4, 200, 0.31)
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
