"""InstantID in the local engine: tokens of a vector in U-Net and ControlNet, which sees where the face's points are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from toy_faceid import save_bin, toy_instantid, write_recognizer
from toy_identity import QUERIES
from toy_models import toy_control, toy_unet

from easyphoto.domain import IdentityHint, ModelFamily, RenderJob
from easyphoto.engines.identity_files import find_identity
from easyphoto.engines.identity_points import COLORS, five_point_drawing
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.paths import Paths
from easyphoto.progress import silent

POINTS = ((26.0, 26.0), (42.0, 26.0), (34.0, 32.0), (28.0, 40.0), (40.0, 40.0))


@pytest.fixture(scope="module")
def deep(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """An SDXL with as many cross-attentions as the true one, and InstantID's files for it."""
    import torch
    from diffusers import StableDiffusionXLPipeline

    torch.manual_seed(4)
    root = tmp_path_factory.mktemp("deep")
    unet = toy_unet(
        32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16, 16),
        transformer_layers_per_block=(1, 2, 10),
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=64,
    )
    pipe = StableDiffusionXLPipeline.from_pretrained(toys / "weights" / "large", unet=unet, local_files_only=True)
    pipe.save_pretrained(root / "weights" / "deep")
    folder = root / "weights" / "identity"
    folder.mkdir()
    save_bin(folder / "instantid-ip-adapter.bin", toy_instantid(unet))
    write_recognizer(folder / "glintr100.onnx")
    net = toy_control(unet)
    for _, weight in net.named_parameters():  # a fresh one adds nothing
        if not weight.any():
            weight.data.normal_(std=0.2)
    net.save_pretrained(folder / "instantid-identitynet")
    return Paths(root, models=toys / "models")


def face(color: str) -> Image.Image:
    shown = Image.new("RGB", (224, 224), color)
    shown.paste("white", (60, 70, 100, 110))
    return shown


def pixels(engine: LocalEngine, job: RenderJob) -> Any:
    rendered = engine.render(job, silent)
    assert rendered.notes == ()
    return np.asarray(rendered.picture, np.int16)


@pytest.mark.slow
def test_vector_and_points_count_and_nothing_stays(deep: Paths, job: RenderJob):
    engine, red = LocalEngine(deep, device="cpu"), face("red")
    job = replace(job, checkpoint="deep", steps=3)
    shown = IdentityHint(red, 0.8, True, (red,), POINTS)
    plain, painted = pixels(engine, job), pixels(engine, replace(job, identity=shown))
    moved = tuple((x + 9, y - 9) for x, y in POINTS)
    for other in (replace(shown, aligned=(face("blue"),)), replace(shown, target=moved), replace(shown, weight=0.3)):
        assert (pixels(engine, replace(job, identity=other)) != painted).any()
    assert (painted != plain).any()
    assert (pixels(engine, job) == plain).all()


@pytest.mark.slow
@pytest.mark.parametrize(("cfg_scale", "batch"), [(3.0, 2), (1.0, 1)])
def test_the_controlnet_reads_the_tokens_of_the_face(deep: Paths, job: RenderJob, cfg_scale: float, batch: int):
    engine, red = LocalEngine(deep, device="cpu"), face("red")
    job = replace(job, checkpoint="deep", steps=2, cfg_scale=cfg_scale)
    job = replace(job, identity=IdentityHint(red, 0.8, True, (red,), POINTS))
    pixels(engine, job)
    assert engine._loaded is not None
    read: list[Any] = []
    engine._loaded.identity_net.register_forward_hook(
        lambda _net, _args, kwargs, _made: read.append(kwargs["encoder_hidden_states"]), with_kwargs=True
    )
    pixels(engine, job)
    assert read and all(one.shape == (batch, QUERIES, 32) for one in read)
    if batch == 2:
        assert (read[0][0] != read[0][1]).any()  # without the prompt the vector is zeros


def test_its_files_belong_together(deep: Paths):
    found = find_identity(deep.weights / "identity", ModelFamily.SDXL)
    assert found is not None and found.kind.name == "InstantID" and found.missing == ()
    assert found.network is not None and found.network.name == "instantid-identitynet"
    assert find_identity(deep.weights / "identity", ModelFamily.SD15) is None


def test_the_drawing_has_a_color_for_every_point_and_lines_from_the_nose():
    points = ((300.0, 400.0), (700.0, 400.0), (500.0, 600.0), (350.0, 800.0), (650.0, 800.0))
    drawn = np.asarray(five_point_drawing(points, (1024, 1024)))
    for color, (x, y) in zip(COLORS, points, strict=True):
        assert tuple(drawn[int(y), int(x)]) == color
        assert tuple(drawn[int(y) + 9, int(x)]) == color
        assert tuple(drawn[int(y) - 12, int(x) - 30]) == (0, 0, 0)
    assert tuple(drawn[500, 400]) == (153, 0, 0)  # half way to the first eye
    small = np.asarray(five_point_drawing([(x / 2, y / 2) for x, y in points], (512, 512)))
    assert 0.2 < np.count_nonzero(small.any(-1)) / np.count_nonzero(drawn.any(-1)) < 0.3
