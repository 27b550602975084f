"""What is said of a template before a portrait is made: size, glasses, pose, mouth, color and light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from easyphoto.domain import Pose
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.traits import FaceTraits, traits_of
from easyphoto.paths import Paths, shipped_models
from easyphoto.portrait.template_fit import FitLevel, fit_of

FLAT = np.zeros(7, np.float32)
PLAIN = FaceTraits(300.0, Pose(0, 0, 0), gray=False, lights=FLAT)
LAUGHS, GRAY, GLASSES = replace(PLAIN, mouth_open=True), replace(PLAIN, gray=True), replace(PLAIN, glasses=True)


def turned(degrees: float) -> FaceTraits:
    return replace(PLAIN, pose=Pose(degrees, 0, 0))


@pytest.mark.parametrize(
    ("template", "photos", "level", "codes"),
    [
        (PLAIN, [PLAIN], FitLevel.GOOD, []),
        (PLAIN, [turned(60), PLAIN], FitLevel.GOOD, []),
        (PLAIN, [turned(23)], FitLevel.FAIR, ["turned"]),
        (PLAIN, [turned(40), turned(-50)], FitLevel.POOR, ["too-far"]),
        (GLASSES, [PLAIN], FitLevel.FAIR, ["template-glasses"]),
        (PLAIN, [GLASSES], FitLevel.FAIR, ["photo-glasses"]),
        (PLAIN, [GLASSES, PLAIN], FitLevel.GOOD, []),
        (LAUGHS, [PLAIN, replace(turned(24), mouth_open=True)], FitLevel.FAIR, ["template-laughs"]),
        (PLAIN, [LAUGHS], FitLevel.FAIR, ["person-laughs"]),
        (LAUGHS, [LAUGHS, PLAIN], FitLevel.GOOD, []),
        (GRAY, [PLAIN], FitLevel.FAIR, ["gray-template"]),
        (PLAIN, [GRAY], FitLevel.FAIR, ["gray-photos"]),
        (replace(PLAIN, lights=FLAT + 0.5 * (-1) ** np.arange(7)), [PLAIN], FitLevel.FAIR, ["other-light"]),
        (replace(PLAIN, pixels=400.0), [PLAIN], FitLevel.GOOD, ["small-photo"]),
        (replace(PLAIN, pixels=370.0), [PLAIN], FitLevel.GOOD, []),
    ],
)
def test_what_does_not_fit_is_said(
    template: FaceTraits, photos: list[FaceTraits], level: FitLevel, codes: list[str]
) -> None:
    fit = fit_of(template, photos)
    assert fit.level is level
    assert [reason.code.removeprefix("portrait.fit.") for reason in fit.reasons] == codes
    assert all(reason.text("zh") for reason in fit.reasons)


@pytest.mark.parametrize(
    ("name", "gray", "laughs"), [("street", False, True), ("black-white", True, False), ("plain-wall", False, False)]
)
def test_traits_are_read_from_a_picture(name: str, gray: bool, laughs: bool, tmp_path) -> None:
    toolbox = BuiltinToolbox(Paths(tmp_path))
    pixels = np.asarray(Image.open(shipped_models() / "templates" / f"{name}.jpg").convert("RGB"))
    (face,) = toolbox.detect(pixels)
    traits = traits_of(pixels, face, 0.5)
    assert (traits.gray, traits.mouth_open, traits.glasses) == (gray, laughs, False)
    assert traits.pixels == pytest.approx(2 * face.box.width)
