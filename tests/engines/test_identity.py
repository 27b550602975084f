"""Identity adapters in the local engine: told by their headers, weighed, gone afterwards, named where missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from toy_identity import toy_adapter, write_identity

from easyphoto.domain import IdentityHint, ModelFamily, RenderJob
from easyphoto.engines.identity_files import (
    ENCODER_FOLDER,
    ENCODER_MARK,
    VIT_H_WIDTH,
    find_identity,
    is_encoder,
    kind_of,
)
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.errors import BadModel, MissingModel
from easyphoto.paths import Paths
from easyphoto.progress import silent


@pytest.fixture(scope="module")
def small(toys: Path) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel.from_pretrained(toys / "weights" / "small" / "unet")


@pytest.fixture
def engine(toys: Path, tmp_path: Path, small: Any) -> LocalEngine:
    """With toys as base models, and an adapter for the small one."""
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "small").symlink_to(toys / "weights" / "small")
    write_identity(weights / "identity", small)
    return LocalEngine(Paths(tmp_path, models=toys / "models"), device="cpu")


def pixels(engine: LocalEngine, job: RenderJob) -> Any:
    rendered = engine.render(job, silent)
    assert rendered.notes == ()
    return np.asarray(rendered.picture, np.int16)


def hint(weight: float, color: str = "red", required: bool = False) -> IdentityHint:
    return IdentityHint(Image.new("RGB", (40, 40), color), weight, required)


@pytest.mark.slow
def test_the_weight_says_how_much_the_face_counts_and_nothing_stays(engine: LocalEngine, job: RenderJob):
    plain = pixels(engine, job)
    some, much, blue = (pixels(engine, replace(job, identity=one)) for one in (hint(0.1), hint(1.0), hint(1.0, "blue")))
    change, more = (np.abs(one - plain).mean() for one in (some, much))
    assert 0 < change < more
    assert (blue != much).any()
    assert (pixels(engine, job) == plain).all()


@pytest.mark.slow
def test_a_plain_adapter_is_read_too(engine: LocalEngine, job: RenderJob, tmp_path: Path, small: Any):
    write_identity(tmp_path / "weights" / "identity", small, plus=False)
    assert (pixels(engine, replace(job, identity=hint(1.0))) != pixels(engine, job)).any()


def test_without_an_adapter_a_note_says_so_and_a_person_without_lora_is_refused(toy_paths: Paths, job: RenderJob):
    engine = LocalEngine(toy_paths, device="cpu")
    (note,) = engine.render(replace(job, identity=hint(0.5)), silent).notes
    assert (note.code, note.params["group"]) == ("engine.note.no-identity-adapter", "identity-sd15")
    with pytest.raises(MissingModel) as caught:
        engine.render(replace(job, identity=hint(0.5, required=True)), silent)
    assert "identity-sd15" in caught.value.remedy


def test_files_that_do_not_fit_each_other_are_named(engine: LocalEngine, job: RenderJob, tmp_path: Path, small: Any):
    from safetensors.torch import save_file

    file = tmp_path / "weights" / "identity" / "toy-plus-face.safetensors"
    save_file(toy_adapter(small, seen=12), file)  # for an encoder of another width
    with pytest.raises(BadModel) as caught:
        engine.render(replace(job, identity=hint(0.5)), silent)
    assert caught.value.file == str(file)


def write_shapes(file: Path, projection: str, layers: int, width: int) -> Path:
    """A header with the names of a file of that kind; its numbers are few."""
    tensors = {f"ip_adapter.{2 * n + 1}.to_k_ip.weight": np.zeros((1, width), np.float16) for n in range(layers)}
    save_file({**tensors, projection: np.zeros((1, 4), np.float16)}, file)
    return file


@pytest.mark.parametrize(
    ("projection", "layers", "expected"),
    [
        ("image_proj.latents", 16, ModelFamily.SD15),  # plus, plus-face
        ("image_proj.proj.weight", 16, ModelFamily.SD15),
        ("image_proj.latents", 70, ModelFamily.SDXL),
        ("image_proj.proj.0.weight", 16, None),  # a face's whole picture: no kind of ours
        ("image_proj.latents", 3, None),
    ],
)
def test_an_adapter_is_told_by_its_header(tmp_path: Path, projection: str, layers: int, expected: ModelFamily | None):
    file = write_shapes(tmp_path / "any name.safetensors", projection, layers, 8)
    found = [family for family in ModelFamily if kind_of(file, family)]
    assert found == ([expected] if expected else [])


def test_faces_go_before_other_adapters_and_an_adapter_needs_its_encoder(tmp_path: Path):
    write_shapes(tmp_path / "ip-adapter-plus.safetensors", "image_proj.latents", 16, 8)
    face = write_shapes(tmp_path / "ip-adapter-plus-face.safetensors", "image_proj.latents", 16, 8)
    (tmp_path / "broken.safetensors").write_bytes(b"no header")
    found = find_identity(tmp_path, ModelFamily.SD15)
    assert found is not None and (found.adapter, found.missing) == (face, (ENCODER_FOLDER,))
    encoder = tmp_path / "model.safetensors"
    save_file({ENCODER_MARK: np.zeros(VIT_H_WIDTH, np.float16)}, encoder)
    assert is_encoder(encoder) and not is_encoder(face)
    found = find_identity(tmp_path, ModelFamily.SD15)
    assert found is not None and (found.adapter, found.encoder) == (face, encoder)
    assert find_identity(tmp_path, ModelFamily.SDXL) is None
