"""Portraits in few steps, with the LCM LoRA beside the person's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEngine, FakeFaces, no_weights
from portrait_world import TAN, person, template

from easyphoto.domain import LCM_DEFAULTS, LoraCheckpoint, ModelFamily, PortraitRequest
from easyphoto.errors import BadRequest, MissingModel
from easyphoto.paths import shipped_models
from easyphoto.portrait.extra_loras import fast_loras
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import open_subject
from easyphoto.progress import silent
from easyphoto.weights import WeightStore, read_catalog
from easyphoto.weights.places import WeightFolders

SD15 = ModelFamily.SD15


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    """With a file of the right name and length in the place of the LCM LoRA of SD 1.5."""
    store = WeightStore(lambda: read_catalog(shipped_models()), WeightFolders(tmp_path / "weights", shipped_models()))
    file = store.catalog.file("lcm-sd15")
    place = store.folders.place(file)
    place.parent.mkdir(parents=True)
    with place.open("wb") as made:
        made.truncate(file.bytes)
    return store


def test_the_first_pass_takes_twelve_steps_and_the_second_eight():
    fast = PortraitRequest.for_family(SD15, lcm=True)
    assert (fast.first_steps, fast.first_denoising_strength, fast.second_steps, fast.sampler) == (12, 0.5, 8, "LCM")
    assert PortraitRequest.for_family(SD15, lcm=True, first_steps=6).first_steps == 6  # what is asked for goes before
    normal = PortraitRequest.for_family(SD15)
    assert not normal.lcm and all(getattr(normal, name) != value for name, value in LCM_DEFAULTS.items())


def test_the_lora_lies_on_every_pass_with_the_persons(tmp_path: Path, store: WeightStore):
    engine, faces = FakeEngine(SD15), FakeFaces()
    ann = person(tmp_path, "ann", TAN)
    ann = replace(ann, lora=LoraCheckpoint(tmp_path / "ann.safetensors", SD15, 4, 10))
    request = PortraitRequest.for_family(SD15, persons=("ann",), lcm=True, seed=1, vae="soft")
    tools = Tools(engine, faces, lambda: store)
    made = generate(request, template(tmp_path, ((450, 350), 160)), {"ann": open_subject(ann, faces)}, tools, silent)
    assert [[use.file.name for use in job.loras] for job in engine.jobs] == [
        ["ann.safetensors", "lcm-lora-sdv1-5.safetensors"]
    ] * 2
    assert [(job.steps, job.sampler, job.vae) for job in engine.jobs] == [(12, "LCM", "soft"), (8, "LCM", "soft")]
    assert "Sampler: LCM" in made.infotext and "VAE: soft" in made.infotext


def test_without_the_file_the_command_is_named_that_fetches_it(tmp_path: Path):
    empty = WeightStore(lambda: read_catalog(shipped_models()), WeightFolders(tmp_path, shipped_models()))
    with pytest.raises(MissingModel, match="weights fetch lcm-sdxl"):
        fast_loras(PortraitRequest(lcm=True), ModelFamily.SDXL, lambda: empty)


def test_the_built_in_model_has_none():
    assert fast_loras(PortraitRequest(), ModelFamily.BUILTIN, no_weights) == ()
    with pytest.raises(BadRequest) as caught:
        fast_loras(PortraitRequest(lcm=True), ModelFamily.BUILTIN, no_weights)
    assert caught.value.code == "portrait.no-lcm"
