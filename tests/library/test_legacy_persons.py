"""Folders of the original are imported as they are, or refused with what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from library_world import lora_file, picture

from easyphoto.domain import ModelFamily
from easyphoto.errors import BadModel
from easyphoto.library import Library


def test_a_person_of_the_original(shelf: Library, tmp_path: Path):
    folder = tmp_path / "old" / "Zhang_San"
    picture(folder / "ref_image.jpg")
    for number in range(20):
        picture(folder / "original_backup" / f"{number}.jpg")
    (folder / "original_backup" / "3.jpg").write_bytes(b"broken")
    outputs = folder / "user_weights" / "best_outputs"
    picture(outputs / "best.jpg")
    lora_file(outputs / "Zhang_San.safetensors", rank=128)
    made = shelf.import_(folder)
    assert (made.id, made.name, made.base_model) == ("zhang-san", "Zhang_San", "base.safetensors")
    assert made.lora is not None and (made.lora.family, made.lora.rank) == (ModelFamily.SD15, 128)
    assert len(made.photos) == 14 and made.face_id is not None and any("3.jpg" in str(w) for w in made.warnings)
    assert (folder / "ref_image.jpg").is_file(), "the original stays as it was"


def test_a_lora_of_an_unknown_family_is_refused(shelf: Library, tmp_path: Path):
    folder = tmp_path / "x"
    picture(folder / "ref_image.jpg")
    (folder / "user_weights" / "best_outputs").mkdir(parents=True)
    lora_file(folder / "user_weights" / "best_outputs" / "x.safetensors", width=1000)
    with pytest.raises(BadModel, match="family"):
        shelf.import_(folder)


@pytest.mark.parametrize("missing", ["ref_image.jpg", "best_outputs"])
def test_a_folder_that_is_no_person_of_the_original(shelf: Library, tmp_path: Path, missing: str):
    folder = tmp_path / "x"
    (folder / "user_weights" / "best_outputs").mkdir(parents=True)
    if missing == "ref_image.jpg":
        lora_file(folder / "user_weights" / "best_outputs" / "x.safetensors")
    else:
        picture(folder / "ref_image.jpg")
    with pytest.raises(BadModel, match=missing):
        shelf.import_(folder)
