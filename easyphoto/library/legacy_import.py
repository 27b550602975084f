"""Persons trained with the original extension: `<id>/ref_image.jpg`, `user_weights/best_outputs/` and so on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from easyphoto.errors import BadModel, BadPicture
from easyphoto.images import open_picture, save_picture
from easyphoto.library.filesystem import hash_files
from easyphoto.library.manifest import Manifest
from easyphoto.library.names import check_name, slug
from easyphoto.locales import message
from easyphoto.lora import LoraInfo, check_whole
from easyphoto.private_files import make_private

MOST_PHOTOS = 15
PHOTO_SIDE = 1536
_PHOTO_FOLDERS = ("original_backup", "processed_images/train")  # whole photos serve fusion better than cut-outs
_KINDS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class LegacyPerson:
    """What was found in a folder of the original."""

    id: str
    name: str
    reference: Path
    photos: tuple[Path, ...]
    lora: LoraInfo
    face_id: Path | None


def read(folder: Path) -> LegacyPerson:
    """Find the parts. Raises BadModel naming the missing one, BadName for a folder name that cannot be a name."""
    outputs = folder / "user_weights" / "best_outputs"
    loras = _files(outputs, (".safetensors",)) or _files(folder / "user_weights", (".safetensors",))
    reference = folder / "ref_image.jpg"
    if not loras or not reference.is_file():
        what = "ref_image.jpg" if loras else "user_weights/best_outputs/*.safetensors"
        raise BadModel("import.missing-part", stage="import", file=str(folder), part=what)
    lora = check_whole(next((file for file in loras if file.stem == folder.name), loras[-1]))
    if not lora.family:
        raise BadModel("import.unknown-family", stage="import", file=lora.file.name)
    name = check_name(folder.resolve().name)
    photos = next((found for sub in _PHOTO_FOLDERS if (found := _files(folder / sub, _KINDS))), ())
    best = _files(outputs, _KINDS)
    return LegacyPerson(slug(name), name, reference, photos[:MOST_PHOTOS], lora, best[0] if best else None)


def copy(facts: LegacyPerson, goal: Path) -> Manifest:
    """Pictures opened and saved anew, the LoRA copied; a photo that cannot be read is named in the warnings."""
    save_picture(open_picture(facts.reference, long_side=PHOTO_SIDE), goal / "reference.png", ai_made=False)
    make_private(goal / "photos")
    photos, warnings = [], [message("import.note.original")]
    for number, file in enumerate(facts.photos):
        name = f"photos/{number:04d}.jpg"
        try:
            save_picture(open_picture(file, long_side=PHOTO_SIDE), goal / name, ai_made=False)
        except BadPicture as bad:
            warnings.append(message("import.note.unreadable-photo", name=bad.file, why=bad.messages()[0]))
        else:
            photos.append(name)
    if facts.face_id:
        save_picture(open_picture(facts.face_id), goal / "face_id.png")
    lora = f"{facts.id}.safetensors"
    shutil.copyfile(facts.lora.file, goal / lora)
    return Manifest(
        id=facts.id,
        name=facts.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        base_model=facts.lora.metadata.get("ss_sd_model_name", ""),
        recognizer="",
        reference="reference.png",
        photos=tuple(photos),
        face_id="face_id.png" if facts.face_id else "",
        lora=lora,
        family=facts.lora.family,
        rank=facts.lora.rank,
        warnings=tuple(warnings),
        files=hash_files(goal),
    )


def _files(folder: Path, kinds: tuple[str, ...]) -> tuple[Path, ...]:
    """Plain files of these kinds, sorted."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in kinds))
