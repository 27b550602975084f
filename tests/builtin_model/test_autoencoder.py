from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from builtin_model import lapped
from builtin_model.autoencoder import PatchAutoencoder
from builtin_model.model import load
from builtin_model.repaint import carried, to_tensor

BASE = Path(__file__).resolve().parents[2] / "models" / "builtin" / "base"


@pytest.fixture(scope="module")
def vae() -> PatchAutoencoder:
    return load(BASE).vae


@pytest.fixture(scope="module")
def face(astronaut: Path) -> torch.Tensor:
    return to_tensor(Image.open(astronaut).convert("RGB").crop((128, 0, 384, 256)))


def smooth_pictures(count: int) -> torch.Tensor:
    """Low-frequency noise: what a linear transform can learn in a few steps."""
    generator = torch.Generator().manual_seed(count)
    coarse = torch.rand((count, 3, 10, 10), generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic").clamp(-1, 1)


def test_the_round_trip_of_a_face_keeps_its_coarse_part(vae: PatchAutoencoder, face: torch.Tensor):
    with torch.no_grad():
        error = (vae(face) - face).pow(2).mean()
    assert -10 * torch.log10(error / 4) > 28  # dB


def test_it_is_linear(vae: PatchAutoencoder, face: torch.Tensor):
    with torch.no_grad():
        zero, whole, half = (vae.encode(face * share).latent_dist.mode() for share in (0, 1, 0.5))
    assert torch.allclose(half, (zero + whole) / 2, atol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (256, 64)])
def test_shapes(vae: PatchAutoencoder, size: tuple[int, int]):
    picture = torch.zeros(2, 3, *size)
    with torch.no_grad():
        latents = vae.encode(picture).latent_dist.sample()
        back = vae.decode(latents).sample
    assert latents.shape == (2, 12, size[0] // 8, size[1] // 8)
    assert back.shape == picture.shape


def test_odd_sides_are_refused(vae: PatchAutoencoder):
    with pytest.raises(ValueError, match="multiples of 8"):
        vae.encode(torch.zeros(1, 3, 20, 16))


def test_a_changed_cell_shows_no_block(vae: PatchAutoencoder):
    """The picture of one cell must fade out beyond the cell; a block would fall to nothing at its edge."""
    latents = torch.zeros(1, 12, 5, 5)
    latents[0, 0, 2, 2] = 1.0
    with torch.no_grad():
        drawn = carried(vae, torch.zeros_like(latents), latents)[0].abs().sum(0)
    inside, at_edge, beyond = drawn[19, 19], drawn[19, 23], drawn[19, 24]
    assert beyond > 0.3 * at_edge > 0.05 * inside
    assert drawn[19, 30] < 0.05 * inside


def test_the_residual_is_carried(vae: PatchAutoencoder, face: torch.Tensor):
    with torch.no_grad():
        latents = vae.encode(face).latent_dist.mode()
        assert carried(vae, latents, latents).abs().max() < 1e-5
        shifted = latents + 0.3
        change = carried(vae, latents, shifted)
        assert torch.allclose(change, vae.decode(shifted).sample - vae.decode(latents).sample, atol=1e-5)


def test_saved_and_loaded_it_is_the_same(vae: PatchAutoencoder, face: torch.Tensor, tmp_path: Path):
    vae.save_pretrained(tmp_path)
    again = PatchAutoencoder.from_pretrained(tmp_path, local_files_only=True)
    with torch.no_grad():
        assert torch.equal(again(face), vae(face))


def test_learning_beats_the_blocks_and_scaling_keeps_the_round_trip():
    model = PatchAutoencoder(latent_channels=6)
    pictures = smooth_pictures(24)
    lapped.start_from_components(model, pictures)
    with torch.no_grad():
        before = (model(pictures) - pictures).pow(2).mean().item()
    lapped.fit(model, lambda count: smooth_pictures(24)[:count], steps=40)
    with torch.no_grad():
        learnt = model(pictures)
        lapped.scale_channels(model, pictures, whitening=1.0)
        scaled, latents = model(pictures), model.encode(pictures).latent_dist.mode()
    assert (learnt - pictures).pow(2).mean().item() < before
    # The pattern that a constant latent draws is moved into a plain colour; the rest of the round trip is the same.
    assert (scaled - learnt)[..., 8:-8, 8:-8].abs().mean() < 0.02
    assert np.allclose(latents.std((0, 2, 3)), 1, atol=0.05)
