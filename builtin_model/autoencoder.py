"""A linear autoencoder over overlapping patches: what the built-in base model diffuses in.

A lapped transform (Malvar 1992): every 8 x 8 cell of a picture is described by a few numbers, read
through a 16 x 16 window and drawn back through overlapping 16 x 16 basis pictures, so that a changed
number never shows as a block. Both windows are learnt by least squares (`builtin_model.lapped`).
"""

from __future__ import annotations

from dataclasses import dataclass

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Generator, Tensor, nn
from torch.nn import functional

STRIDE = 8
WINDOW = 16
_MARGIN = (WINDOW - STRIDE) // 2


class PointDistribution:
    """A distribution with all its weight on one latent, with the methods callers of AutoencoderKL use."""

    def __init__(self, latents: Tensor) -> None:
        self.mean = latents

    def sample(self, generator: Generator | None = None) -> Tensor:
        """The latent; there is nothing random."""
        return self.mean

    def mode(self) -> Tensor:
        """The latent."""
        return self.mean


@dataclass
class Encoded:
    """As AutoencoderKL's output."""

    latent_dist: PointDistribution


@dataclass
class Decoded:
    """As AutoencoderKL's output."""

    sample: Tensor


class PatchAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures (n, 3, 8h, 8w) in -1..1 <-> latents (n, latent_channels, h, w); linear both ways.

    The round trip loses detail; `builtin_model.repaint` carries that residual around the diffusion.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        in_channels: int = 3,
        latent_channels: int = 12,
        scaling_factor: float = 1.0,
        block_out_channels: tuple[int, ...] = (1, 1, 1, 1),  # diffusers reads the factor 8 from its length
        force_upcast: bool = False,
    ) -> None:
        super().__init__()
        self.analysis = nn.Conv2d(in_channels, latent_channels, WINDOW, STRIDE)
        self.synthesis = nn.ConvTranspose2d(latent_channels, in_channels, WINDOW, STRIDE)

    def encode(self, picture: Tensor) -> Encoded:
        """Latents of pictures whose sides are multiples of 8."""
        if picture.shape[-1] % STRIDE or picture.shape[-2] % STRIDE:
            raise ValueError(f"sides of {tuple(picture.shape)} are not multiples of {STRIDE}")
        padded = functional.pad(picture, (_MARGIN,) * 4, mode="reflect")
        return Encoded(PointDistribution(self.analysis(padded)))

    def decode(self, latents: Tensor) -> Decoded:
        """Pictures; not clipped to -1..1."""
        around = functional.pad(
            latents, (1,) * 4, mode="replicate"
        )  # so that border cells have neighbours to overlap with
        edge = STRIDE + _MARGIN
        return Decoded(self.synthesis(around)[..., edge:-edge, edge:-edge])

    def forward(self, picture: Tensor) -> Tensor:
        """The round trip."""
        return self.decode(self.encode(picture).latent_dist.mode()).sample
