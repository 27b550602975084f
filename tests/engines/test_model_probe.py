from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from easyphoto.domain import HintKind, ModelFamily
from easyphoto.engines.model_probe import (
    family_of_control,
    family_of_file,
    family_of_folder,
    find_checkpoints,
    find_controls,
    lora_modules,
)
from easyphoto.errors import BadModel
from easyphoto.tensor_file import read_header

UNET = "model.diffusion_model.input_blocks.0.0.weight"
CLIP = "cond_stage_model.transformer.text_model.embeddings.position_ids"
OPEN_CLIP = "cond_stage_model.model.positional_embedding"
SECOND = "conditioner.embedders.1.model.ln_final.weight"
CONTROL = "control_model.input_hint_block.0.weight"


XL = {"text_encoder": ["a", "b"], "text_encoder_2": ["a", "b"]}
SIDE = 2**15
TENSOR = 2 * SIDE**2  # bytes, 2 GB


def header_only(file: Path, *names: str) -> Path:
    """A safetensors file of many gigabytes that are never written and must not be read."""
    ranges = {name: [TENSOR * at, TENSOR * (at + 1)] for at, name in enumerate(names)}
    entries = {name: {"dtype": "F16", "shape": [SIDE, SIDE], "data_offsets": at} for name, at in ranges.items()}
    header = json.dumps(entries).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        opened.write(struct.pack("<Q", len(header)) + header)
        opened.truncate(8 + len(header) + TENSOR * len(names))
    return file


@pytest.mark.parametrize(
    ("names", "family"),
    [
        ((UNET, CLIP), ModelFamily.SD15),
        ((UNET, SECOND), ModelFamily.SDXL),
        ((UNET, OPEN_CLIP), None),  # SD 2
        (("lora_unet_x.lora_down.weight",), None),
        (("first_stage_model.encoder.conv_in.weight",), None),
    ],
)
def test_family_by_names(tmp_path: Path, names: tuple[str, ...], family: ModelFamily | None):
    assert family_of_file(header_only(tmp_path / "model.safetensors", *names)) is family


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\xff" * 64, struct.pack("<Q", 5) + b"hello", struct.pack("<Q", 2) + b"[]",
     struct.pack("<Q", 12) + b'{"a":{"b":1}', b"<html>404 not found</html>"],
)  # fmt: skip
def test_what_is_no_safetensors_is_said_so(tmp_path: Path, content: bytes):
    file = tmp_path / "broken.safetensors"
    file.write_bytes(content)
    with pytest.raises(BadModel, match=r"broken\.safetensors"):
        read_header(file)
    assert find_checkpoints(tmp_path) == []


def test_folders_by_their_index(tmp_path: Path):
    def folder(name: str, index: dict[str, object], cross: int, **unet: int) -> Path:
        (tmp_path / name / "unet").mkdir(parents=True)
        (tmp_path / name / "model_index.json").write_text(json.dumps(index))
        (tmp_path / name / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": cross, **unet}))
        return tmp_path / name

    small = {"_class_name": "StableDiffusionPipeline"}
    assert family_of_folder(folder("small", small, 768)) is ModelFamily.SD15
    assert family_of_folder(folder("second", small, 1024)) is None
    assert family_of_folder(folder("large", {**small, **XL}, 2048)) is ModelFamily.SDXL
    refiner = {**small, "text_encoder": [None, None], "text_encoder_2": ["a", "b"]}
    assert family_of_folder(folder("refiner", refiner, 1280)) is None
    assert family_of_folder(folder("pix2pix", small, 768, in_channels=8)) is None
    assert family_of_folder(folder("inpainting", small, 768, in_channels=9)) is ModelFamily.SD15
    assert family_of_folder(folder("other", {"_class_name": "FluxPipeline"}, 768)) is None
    assert family_of_folder(tmp_path) is None


def test_checkpoints_are_found_in_folders_below_by_their_way(tmp_path: Path):
    header_only(tmp_path / "b.safetensors", UNET, CLIP)
    header_only(tmp_path / "sub" / "a.safetensors", UNET, SECOND)
    header_only(tmp_path / "lora.safetensors", "lora_unet_x.lora_down.weight")
    (tmp_path / "old.ckpt").write_bytes(b"pickle")
    found = find_checkpoints(tmp_path)
    assert [(c.name, c.family) for c in found] == [("b", ModelFamily.SD15), ("sub/a", ModelFamily.SDXL)]
    assert find_checkpoints(tmp_path / "nowhere") == []


def test_control_nets_by_kind_and_family(tmp_path: Path):
    names = {
        "control_v11p_sd15_canny.safetensors": HintKind.CANNY,
        "control_v11p_sd15_openpose.safetensors": HintKind.POSE,
        "control_sd15_random_colour.safetensors": HintKind.COLOR,
        "control_v11f1e_sd15_tile.safetensors": HintKind.TILE,
    }
    for name in names:
        header_only(tmp_path / name, CONTROL)
    xl = header_only(tmp_path / "a_canny_xl.safetensors", CONTROL, "control_model.label_emb.0.0.weight")
    header_only(tmp_path / "0_tile_upscaler.safetensors", "model.1.weight")
    (tmp_path / "canny.pth").write_bytes(b"pickle")
    assert {kind: file.name for kind, file in find_controls(tmp_path, ModelFamily.SD15).items()} == {
        kind: name for name, kind in names.items()
    }
    assert find_controls(tmp_path, ModelFamily.SDXL) == {HintKind.CANNY: xl}


def test_the_best_known_control_net_serves_and_none_of_another_use(tmp_path: Path):
    best = header_only(tmp_path / "control_v11p_sd15_openpose.safetensors", "input_hint_block.0.weight")
    for name in ("animal_openpose", "densepose_seg", "a_recolor", "a_openpose_other"):
        header_only(tmp_path / f"{name}.safetensors", CONTROL)
    header_only(tmp_path / "canny_lora.safetensors", CONTROL, "lora_controlnet")
    header_only(tmp_path / "canny_difference.safetensors", CONTROL, "difference")
    assert find_controls(tmp_path, ModelFamily.SD15) == {HintKind.POSE: best}


def test_a_control_net_of_sd2_is_none_of_sd15(tmp_path: Path):
    from safetensors.numpy import save_file

    for name, width in (("v15_canny", 768), ("v21_canny", 1024)):
        attention = "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
        save_file({CONTROL: np.zeros(1), attention: np.zeros((2, width))}, tmp_path / f"{name}.safetensors")
    assert find_controls(tmp_path, ModelFamily.SD15) == {HintKind.CANNY: tmp_path / "v15_canny.safetensors"}


def test_control_folders(toys: Path):
    assert family_of_control(toys / "weights" / "controlnet" / "toy_canny") is ModelFamily.SD15
    assert family_of_control(toys / "weights" / "controlnet" / "toy_xl_canny") is ModelFamily.SDXL
    assert family_of_control(toys / "weights" / "small") is None


def test_lora_modules_in_both_namings(tmp_path: Path):
    ends = ("lora_down.weight", "lora_up.weight", "alpha")
    kohya = header_only(tmp_path / "k.safetensors", *(f"lora_unet_{m}.{end}" for m in "ab" for end in ends))
    peft = header_only(tmp_path / "p.safetensors", "unet.q.lora_A.weight", "unet.q.lora_B.weight")
    assert lora_modules(kohya) == {"lora_unet_a", "lora_unet_b"}
    assert lora_modules(peft) == {"unet.q"}
    with pytest.raises(BadModel, match="no LoRA"):
        lora_modules(header_only(tmp_path / "m.safetensors", UNET))
    with pytest.raises(BadModel, match="safetensors"):
        lora_modules(tmp_path / "lora.pt")
