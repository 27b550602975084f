"""FaceID and InstantID in the local engine: vectors of their own recognizer, LoRAs kept, nothing left behind."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from toy_faceid import save_bin, toy_faceid, toy_instantid, write_recognizer
from toy_identity import write_identity

from easyphoto.domain import IdentityAdapter, IdentityHint, LoraUse, ModelFamily, RenderJob
from easyphoto.engines.adapter_tensors import adapter_tensors
from easyphoto.engines.identity_files import KINDS, find_identity, kind_of
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.local.identity_vectors import face_vector
from easyphoto.errors import BadModel, MissingModel
from easyphoto.paths import Paths
from easyphoto.progress import silent


@pytest.fixture(scope="module")
def small(toys: Path) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel.from_pretrained(toys / "weights" / "small" / "unet")


@pytest.fixture
def folder(toys: Path, tmp_path: Path) -> Path:
    """Of identity adapters, empty, beside toys as base models."""
    made = tmp_path / "weights" / "identity"
    made.mkdir(parents=True)
    (tmp_path / "weights" / "small").symlink_to(toys / "weights" / "small")
    return made


@pytest.fixture
def engine(folder: Path, toys: Path, tmp_path: Path) -> LocalEngine:
    return LocalEngine(Paths(tmp_path, models=toys / "models"), device="cpu")


def face(color: str) -> Image.Image:
    shown = Image.new("RGB", (224, 224), color)
    shown.paste("white", (60, 70, 100, 110))
    return shown


def hint(weight: float = 1.0, colors: tuple[str, ...] = ("red",), required: bool = False) -> IdentityHint:
    aligned = tuple(face(color) for color in colors)
    target = ((26.0, 26.0), (42.0, 26.0), (34.0, 32.0), (28.0, 40.0), (40.0, 40.0))
    return IdentityHint(aligned[0], weight, required, aligned, target)


def pixels(engine: LocalEngine, job: RenderJob) -> Any:
    rendered = engine.render(job, silent)
    assert rendered.notes == ()
    return np.asarray(rendered.picture, np.int16)


def change(one: Any, other: Any) -> float:
    return float(np.abs(one - other).mean())


def test_faceid_paints_by_the_vector_and_leaves_nothing(engine: LocalEngine, folder: Path, small: Any, job: RenderJob):
    save_bin(folder / "ip-adapter-faceid_sd15.bin", toy_faceid(small))
    write_recognizer(folder / "w600k_r50.onnx")
    plain = pixels(engine, job)
    some, much = (pixels(engine, replace(job, identity=hint(weight))) for weight in (0.1, 1.0))
    assert 0 < change(some, plain) < change(much, plain)
    assert change(pixels(engine, replace(job, identity=hint(colors=("blue",)))), much) > 0
    unguided = replace(job, cfg_scale=1.0)
    assert change(pixels(engine, replace(unguided, identity=hint())), pixels(engine, unguided)) > 0
    assert (pixels(engine, job) == plain).all()


@pytest.mark.slow
def test_its_own_lora_counts_and_the_person_s_stays(
    engine: LocalEngine, folder: Path, toys: Path, small: Any, job: RenderJob
):
    write_recognizer(folder / "w600k_r50.onnx")
    file = folder / "ip-adapter-faceid_sd15.bin"
    person = (LoraUse(toys / "small_lora.safetensors", 1.0),)
    painted = {}
    for own in (True, False):
        save_bin(file, toy_faceid(small, lora=own))
        for loras in (person, ()):
            painted[own, bool(loras)] = pixels(engine, replace(job, loras=loras, identity=hint(0.5)))
    assert change(painted[True, True], painted[True, False]) > 0  # diffusers would put the person's to sleep
    assert change(painted[True, True], painted[False, True]) > 0
    trained = replace(job, loras=person)
    before = pixels(LocalEngine(engine._paths, device="cpu"), trained)
    assert (pixels(engine, trained) == before).all()


@pytest.mark.slow
def test_plus_reads_the_face_and_the_vector_and_v2_adds_them(
    engine: LocalEngine, folder: Path, small: Any, job: RenderJob
):
    write_identity(folder, small).unlink()  # its encoder stays, 16 wide
    write_recognizer(folder / "w600k_r50.onnx")
    first, second = folder / "ip-adapter-faceid-plus_sd15.bin", folder / "ip-adapter-faceid-plusv2_sd15.bin"
    save_bin(first, toy_faceid(small, plus_reads=16))
    plain, red = pixels(engine, job), hint(colors=("red",))
    seen = pixels(engine, replace(job, identity=red))
    other_face = replace(red, aligned=(face("green"), *red.aligned[1:]))
    assert change(seen, plain) > 0 < change(pixels(engine, replace(job, identity=other_face)), seen)
    assert change(pixels(engine, replace(job, identity=red, cfg_scale=1.0)), seen) > 0
    first.rename(second)
    assert change(pixels(engine, replace(job, identity=red)), seen) > 0


@pytest.mark.parametrize(("made", "needs"), [(toy_faceid, "w600k_r50.onnx"), (toy_instantid, "glintr100.onnx")])
def test_without_its_own_recognizer_an_adapter_is_not_used(
    engine: LocalEngine, folder: Path, small: Any, job: RenderJob, made: Any, needs: str
):
    save_bin(folder / "adapter.bin", made(small))
    write_recognizer(folder / "another.onnx")  # as long a vector, with other numbers in it
    (note,) = engine.render(replace(job, identity=hint()), silent).notes
    assert note.code == "engine.note.identity-incomplete" and needs in note.params["missing"]
    with pytest.raises(MissingModel) as caught:
        engine.render(replace(job, identity=hint(required=True)), silent)
    assert needs in caught.value.problem and "weights fetch" in caught.value.remedy


def test_a_recognizer_of_other_vectors_is_refused(engine: LocalEngine, folder: Path, small: Any, job: RenderJob):
    save_bin(folder / "ip-adapter-faceid_sd15.bin", toy_faceid(small))
    file = write_recognizer(folder / "w600k_r50.onnx", numbers=128)
    with pytest.raises(BadModel) as caught:
        engine.render(replace(job, identity=hint()), silent)
    assert caught.value.file == str(file) and "128" in caught.value.problem


def test_vectors_are_means_of_unit_vectors_or_of_the_recognizer_s_own(tmp_path: Path):
    file = write_recognizer(tmp_path / "any.onnx")
    faces = [face("red"), face("blue")]
    one, other = (face_vector(file, [each], unit=False) for each in faces)
    assert np.allclose(face_vector(file, faces, unit=False), (one + other) / 2, atol=1e-5)
    united = one / np.linalg.norm(one) + other / np.linalg.norm(other)
    assert np.allclose(face_vector(file, faces, unit=True), united / np.linalg.norm(united), atol=1e-5)


def test_complete_adapters_go_first_then_nearer_kinds(folder: Path, small: Any):
    write_identity(folder, small)
    save_bin(folder / "ip-adapter-faceid_sd15.bin", toy_faceid(small, lora=False))
    found = find_identity(folder, ModelFamily.SD15)
    assert found is not None and found.kind.name == "IP-Adapter plus"
    assert LocalEngine(Paths(folder.parents[1])).identity_adapter(ModelFamily.SD15) == IdentityAdapter(
        "IP-Adapter plus", 0.6
    )
    write_recognizer(folder / "w600k_r50.onnx")
    found = find_identity(folder, ModelFamily.SD15)
    assert found is not None and found.kind.name == "FaceID" and found.missing == ()
    engine = LocalEngine(Paths(folder.parents[1]))
    assert engine.identity_adapter(ModelFamily.SD15) == IdentityAdapter("FaceID", 0.7)
    assert [engine.identity_adapter(one) for one in (ModelFamily.SDXL, ModelFamily.BUILTIN)] == [None, None]


class _Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"image_proj": _Program()})])
def test_a_file_that_is_no_table_of_tensors_is_passed_over(folder: Path, content: bytes, capsys: Any):
    file = folder / "adapter.bin"
    file.write_bytes(content)
    assert find_identity(folder, ModelFamily.SD15) is None
    with pytest.raises(BadModel):
        adapter_tensors(file)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("cross", "name"), [(768, "FaceID"), (768, "FaceID plus"), (2048, "FaceID")])
def test_projections_of_true_shape_find_their_places(tmp_path: Path, cross: int, name: str):
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(
        block_out_channels=(8, 16, 16, 16), cross_attention_dim=cross, attention_head_dim=2, norm_num_groups=4
    )
    parts = toy_faceid(unet, plus_reads=1280 if "plus" in name else 0, lora=False)
    file = save_bin(tmp_path / "x.bin", parts)
    assert kind_of(file, ModelFamily.SD15) == next(kind for kind in KINDS if kind.name == name)
    unet._load_ip_adapter_weights([adapter_tensors(file)])
    (layer,) = unet.encoder_hid_proj.image_projection_layers
    assert sum(weight.numel() for weight in layer.parameters()) == sum(t.numel() for t in parts["image_proj"].values())
