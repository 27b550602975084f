from __future__ import annotations

import pytest

from easyphoto.domain import HintKind, ModelFamily
from easyphoto.engines.controlnet_catalog import missing, plain, rank, speaks_of
from easyphoto.families import specs

SD15, SDXL = ModelFamily.SD15, ModelFamily.SDXL


@pytest.mark.parametrize(
    ("name", "kind", "family"),
    [
        ("control_v11p_sd15_canny [d14c016b]", HintKind.CANNY, SD15),
        ("control_v11p_sd15_canny_fp16 [b18e0966]", HintKind.CANNY, SD15),
        ("control_v11p_sd15_openpose [cab727d4]", HintKind.POSE, SD15),
        ("control_v11f1e_sd15_tile [a371b31b]", HintKind.TILE, SD15),
        ("t2iadapter_color_sd14v1 [8522029d]", HintKind.COLOR, SD15),
        ("control_sd15_random_color", HintKind.COLOR, SD15),
        ("diffusers_xl_canny_mid [112a778d]", HintKind.CANNY, SDXL),
        ("sai_xl_canny_256lora [566f20af]", HintKind.CANNY, SDXL),
        ("controlnet-canny-sdxl-1.0", HintKind.CANNY, SDXL),
        ("thibaud_xl_openpose [c7b9cadd]", HintKind.POSE, SDXL),
        ("controlnet-openpose-sdxl-1.0", HintKind.POSE, SDXL),
        ("ttplanetSDXLControlnet_Tile_v20Fp16 [a7ee0f10]", HintKind.TILE, SDXL),
        ("TTPLANET_Controlnet_Tile_realistic_v2_fp16", HintKind.TILE, SDXL),
        ("controlnet-union-sdxl-1.0-promax", HintKind.TILE, SDXL),
        ("controlnet-union-sdxl-1.0", HintKind.CANNY, SDXL),
    ],
)
def test_well_known_names_are_known_for_their_own_family_only(name: str, kind: HintKind, family: ModelFamily):
    other = SD15 if family is SDXL else SDXL
    assert rank(name, kind, family) is not None
    assert rank(name, kind, other) is None
    assert all(rank(name, kind, ModelFamily.BUILTIN) is None for kind in HintKind)


def test_the_better_file_stands_before_the_worse():
    names = ["t2iadapter_canny_sd15v2 [0]", "control_v11p_sd15_canny [1]", "control_sd15_canny [2]"]
    order = sorted(names, key=lambda name: rank(name, HintKind.CANNY, SD15) or 0)
    assert order == [names[1], names[2], names[0]]


def test_the_file_that_is_named_is_one_that_would_be_found():
    for family, kind, files in ((spec.id, kind, files) for spec in specs() for kind, files in spec.controls.items()):
        assert rank(files.file.rpartition(".")[0], kind, family) is not None
        assert files.source
        assert files.license


def test_names_are_compared_without_hash_case_and_signs():
    assert plain("Controlnet-Canny SDXL.1.0 [abCD0123]") == "controlnet_canny_sdxl_1_0"


def test_words():
    assert speaks_of("my-openpose", HintKind.POSE)
    assert not speaks_of("my-openpose", HintKind.CANNY)


def test_the_error_says_file_folder_source_and_way_out():
    problem = missing(HintKind.CANNY, SD15, "models/ControlNet")
    assert "easyphoto weights fetch sd15-canny" in problem.remedy
    text = str(problem)
    for part in ("control_v11p_sd15_canny", "models/ControlNet", "Hugging Face", "OpenRAIL", "off"):
        assert part in text
    assert "off" in missing(HintKind.COLOR, SDXL, "models/ControlNet").remedy
