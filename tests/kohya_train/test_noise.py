import pytest
import torch
from diffusers import DDPMScheduler

from kohya_train.noise import UnknownObjective, noise_like, pixel_errors, snr_weights, target_of, weighted_error


def scheduler(kind: str) -> DDPMScheduler:
    return DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=kind)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_noise_offset_adds_one_number_a_channel():
    latents = torch.zeros(2, 4, 8, 8)
    extra = noise_like(latents, 0.5, generator()) - noise_like(latents, 0.0, generator())
    assert extra.std() > 0.1
    torch.testing.assert_close(extra, extra[:, :, :1, :1].expand_as(extra), atol=1e-6, rtol=0)


def test_targets_follow_the_prediction_type():
    latents, noise, levels = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3), torch.tensor([10, 900])
    assert target_of(scheduler("epsilon"), latents, noise, levels) is noise
    assert target_of(scheduler("sample"), latents, noise, levels) is latents
    kept = scheduler("v_prediction").alphas_cumprod[levels].view(2, 1, 1, 1)
    velocity = target_of(scheduler("v_prediction"), latents, noise, levels)
    torch.testing.assert_close(velocity, kept.sqrt() * noise - (1 - kept).sqrt() * latents)
    with pytest.raises(UnknownObjective):
        target_of(type("S", (), {"config": type("C", (), {"prediction_type": "flow"})})(), latents, noise, levels)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_min_snr_weights_by_hand(kind: str):
    plan = scheduler(kind)
    levels = torch.tensor([1, 300, 999])
    weights = snr_weights(plan, levels, 5.0)
    for level, weight in zip(levels.tolist(), weights.tolist(), strict=True):
        kept = float(plan.alphas_cumprod[level])
        snr = kept / (1 - kept)
        assert weight == pytest.approx(min(snr, 5.0) / (snr if kind == "epsilon" else snr + 1), rel=1e-4)
    assert torch.equal(snr_weights(plan, levels, 0.0), torch.ones(3))


def test_the_error_is_the_weighted_mean_over_pictures():
    predicted, target = torch.zeros(2, 1, 2, 2), torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    assert float(
        weighted_error(pixel_errors(predicted, target, "l2", torch.ones(2)), torch.tensor([1.0, 0.5]))
    ) == pytest.approx((1 * 1 + 0.5 * 4) / 2)
