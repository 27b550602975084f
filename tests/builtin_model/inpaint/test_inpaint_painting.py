"""Painting with it: schedule, masks, cancelling, sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from inpaint_world import mesh_at, portrait

from builtin_model.inpaint import network
from builtin_model.inpaint.objective import clean, loss, noised
from builtin_model.inpaint.parts import FaceInpaintModel
from builtin_model.inpaint.pool import Batch
from builtin_model.inpaint.repaint import FrameRepaint, conditions_of, repaint, soft_mask
from builtin_model.inpaint.sampling import Sampling, paint, signals_of, times_of


def test_v_gives_the_clean_latents_back():
    generator = torch.Generator().manual_seed(0)
    latents, noise = (torch.randn((3, 12, 4, 4), generator=generator) for _ in range(2))
    level = torch.tensor([0.9, 0.5, 0.01])
    noisy, share = noised(latents, noise, level), level.reshape(-1, 1, 1, 1)
    v = share.sqrt() * noise - (1 - share).sqrt() * latents
    assert torch.allclose(clean(noisy, v, level), latents, atol=1e-4)
    zeros = torch.zeros((3, 6, 4, 4))
    batch = Batch(latents, latents, latents, torch.ones((3, 1, 4, 4)), zeros, zeros[:, :3], torch.zeros(3).long())
    assert loss(v, batch, noise, level).item() == pytest.approx(0, abs=1e-9)
    assert loss(v + 1, batch, noise, level).item() > 0.1


def test_the_schedule_is_the_one_in_the_folder():
    assert torch.allclose(signals_of(), network.fresh_scheduler().alphas_cumprod, atol=1e-6)
    assert times_of(Sampling(strength=0)) == []
    assert times_of(Sampling(20, 0.5))[0] == 499
    assert len(times_of(Sampling(20, 0.05))) == 4


def test_painting_leaves_what_is_not_masked(model: FaceInpaintModel):
    frame = portrait(64)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    job = FrameRepaint(frame, mask, reference=frame, mesh=mesh_at((32, 32), 20), color=frame)
    assert conditions_of(model, job).shape == (1, 34, 8, 8)
    seen: list[tuple[int, int]] = []
    painted = repaint(model, job, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (10, 10)
    outside = mask == 0
    assert np.array_equal(painted[outside], frame[outside])
    assert not np.array_equal(painted, frame)
    assert np.array_equal(painted, repaint(model, job))
    untouched = repaint(model, FrameRepaint(frame, mask, sampling=Sampling(strength=0)))
    assert np.abs(untouched.astype(int) - frame).max() <= 1


def test_a_cancelled_repaint_stops(model: FaceInpaintModel):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    job = FrameRepaint(portrait(64), np.full((64, 64), 255, np.uint8))
    with pytest.raises(KeyboardInterrupt):
        repaint(model, job, stop)


@pytest.mark.parametrize("side", [60, 100])
def test_a_frame_of_a_wrong_size_is_refused(model: FaceInpaintModel, side: int):
    with pytest.raises(ValueError, match="multiple of 32"):
        repaint(model, FrameRepaint(np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)))


def test_a_mask_fades_inside_its_own_edge():
    mask = np.zeros((100, 100), np.uint8)
    mask[20:80, 20:80] = 255
    soft = soft_mask(mask, 0.1)
    assert soft[50, 50] == 1
    assert 0 < soft[50, 22] < 1
    assert not soft[mask == 0].any()


def test_painting_from_noise_needs_no_start(model: FaceInpaintModel):
    conditions = torch.zeros(1, 34, 8, 8)
    conditions[:, 12] = 1
    states = model.frozen.states([""])
    one, two = (
        paint(model.unet, conditions, states, torch.full((1, 12, 8, 8), value), Sampling(4, 1.0))
        for value in (0.0, 9.0)
    )
    assert (one - two).abs().mean() < 2  # at the last time a 200th of the start is left
