"""A portrait made with the true face tools carries its quality, in the result and in its settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, no_weights
from PIL import Image

from easyphoto.domain import LoraCheckpoint, ModelFamily, Person, Portrait, PortraitRequest, Template
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths, shipped_models
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import open_subject
from easyphoto.progress import silent

TEMPLATE = shipped_models() / "templates/street.jpg"


@pytest.fixture(scope="module")
def portrait(tmp_path_factory) -> Portrait:
    home: Path = tmp_path_factory.mktemp("home")
    faces, photo = BuiltinToolbox(Paths(home)), shipped_models() / "samples/astronaut.png"
    lora = LoraCheckpoint(home / "person.safetensors", ModelFamily.BUILTIN, 4, 10)
    subject = open_subject(Person("ann", "Ann", home, lora, photo, None, (photo,)), faces)
    request = PortraitRequest.for_family(
        ModelFamily.BUILTIN,
        persons=("ann",),
        seed=7,
        first_denoising_strength=0.0,
        second_pass=False,
        enhance_photos=False,
    )
    tools = Tools(FakeEngine(), faces, no_weights)
    return generate(request, Template(TEMPLATE, "street"), {"ann": subject}, tools, silent)


def test_the_quality_is_in_the_result(portrait):
    quality = portrait.scores[0].quality
    assert quality is not None
    assert 0.2 < quality.value < 0.8
    assert quality.parts.pose_gap < 1


def test_the_quality_is_in_the_infotext(portrait):
    assert f"EasyPhoto quality: {portrait.scores[0].quality.value:.2f}" in portrait.infotext


def test_the_rest_of_the_template_is_untouched(portrait):
    before = np.asarray(Image.open(TEMPLATE).convert("RGB"))
    assert np.array_equal(np.asarray(portrait.picture)[:20], before[:20])
