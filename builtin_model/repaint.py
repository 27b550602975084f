"""Img2img with a mask for the built-in base model; the engine and the trainer's validation images share it.

The diffusion changes coarse latents only. What the autoencoder cannot hold is carried around it: the
picture gets the difference of the decoded latents, so all finer detail stays the picture's own. What
the bare model changes by itself, mostly softening, is carried around too but for a share: with LoRAs
the same noise is drawn without them as well, and it is the difference that counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from builtin_model.autoencoder import STRIDE, PatchAutoencoder
from builtin_model.model import BaseModel

SIDES = 32
"""Sides of a picture must be multiples of this: eight for the autoencoder, four for the U-Net."""

FEWEST_STEPS = 2
"""A single long step leaves grain; two differ from four by .35 of 255 in a face, and nothing one can see."""

OnStep = Callable[[int, int], None]
"""Called with steps done and all steps; what it raises ends the work."""


@dataclass(frozen=True, eq=False)
class Repaint:
    """What to repaint and how."""

    picture: Tensor  # (1, 3, h, w) in -1..1
    mask: Tensor  # (1, 1, h, w) in 0..1, 1 = repaint
    prompt: str
    negative_prompt: str = ""
    steps: int = 50  # for strength 1; as many as the strength asks for are taken, at least FEWEST_STEPS
    strength: float = 0.1
    cfg_scale: float = 1.0  # 1 = the negative prompt is not used
    seed: int = 0
    own: float = 0.5  # share of what the model changes without LoRAs that is taken; their part is taken whole
    samples: int = 2  # pictures whose mean is taken, drawn with a noise and its negative in turn


def ignore(done: int, total: int) -> None:
    """An OnStep that does nothing."""


@torch.no_grad()
def repaint(model: BaseModel, job: Repaint, on_step: OnStep = ignore) -> Tensor:
    """(1, 3, h, w) float32 in -1..1 on the CPU; where the mask is 0 exactly the picture."""
    if not timesteps(model, job):
        return job.picture.float().cpu()
    picture = job.picture.to(model.device, model.dtype)
    before = model.vae.encode(picture).latent_dist.mode().float() * model.vae.config.scaling_factor
    after = _after(model, job, before, on_step)
    change = carried(model.vae, before, after)
    painted: Tensor = (job.picture + job.mask * change.float().cpu()).clamp(-1, 1)
    return painted


def _after(model: BaseModel, job: Repaint, before: Tensor, on_step: OnStep) -> Tensor:
    """The new latents: the LoRAs' part of the change whole, the bare model's by the share `own`."""
    runs, count = (2 if model.lora_layers() else 1), len(timesteps(model, job))
    with model.bare():
        bare = _sample(model, job, before, lambda done, _: on_step(done, runs * count))
    after = before + job.own * (bare - before)
    if runs == 1:
        return after
    return after + _sample(model, job, before, lambda done, _: on_step(count + done, runs * count)) - bare


def carried(vae: PatchAutoencoder, before: Tensor, after: Tensor) -> Tensor:
    """What to add to the picture so that its latents become `after` while its residual stays.

    picture - decode(before) + decode(after), less the picture.
    """
    factor, dtype = vae.config.scaling_factor, vae.dtype
    decoded: Tensor = vae.decode((after / factor).to(dtype)).sample - vae.decode((before / factor).to(dtype)).sample
    return decoded


def timesteps(model: BaseModel, job: Repaint) -> list[int]:
    """From the strength's noise level down; empty where the strength is 0."""
    first = round(job.strength * model.scheduler.config.num_train_timesteps) - 1
    count = max(FEWEST_STEPS, round(job.steps * job.strength))
    return [int(t) for t in np.linspace(first, 0, count + 1)[:-1].round()] if first >= 1 else []


def _sample(model: BaseModel, job: Repaint, before: Tensor, on_step: OnStep) -> Tensor:
    """DDIM (Song et al. 2020, eta 0) from noised latents; cells outside the mask follow the picture."""
    cells = functional.avg_pool2d(job.mask, STRIDE).to(before)
    states, times = _states(model, job), timesteps(model, job)
    noise = _noise(job, before)
    signals = model.scheduler.alphas_cumprod.to(before.device, torch.float32)
    known = before.expand_as(noise)
    latents = signals[times[0]].sqrt() * known + (1 - signals[times[0]]).sqrt() * noise
    for index, time in enumerate(times):
        signal = signals[time]
        later = signals[times[index + 1]] if index + 1 < len(times) else torch.ones_like(signal)
        guess = _predict(model, latents, time, (states, job.cfg_scale))
        clean = (latents - (1 - signal).sqrt() * guess) / signal.sqrt()
        latents = later.sqrt() * clean + (1 - later).sqrt() * guess
        latents = cells * latents + (1 - cells) * (later.sqrt() * known + (1 - later).sqrt() * noise)
        on_step(index + 1, len(times))
    mean: Tensor = latents.mean(0, keepdim=True)
    return mean


def _states(model: BaseModel, job: Repaint) -> list[Tensor]:
    """Text states: the prompt's, and the negative prompt's where guidance uses it."""
    texts = [job.prompt] if job.cfg_scale == 1 else [job.prompt, job.negative_prompt]
    encoded = model.encode_texts(texts)
    return [state[None].expand(job.samples, -1, -1) for state in encoded]


def _noise(job: Repaint, like: Tensor) -> Tensor:
    """Drawn on the CPU, so that a seed means the same on every device; each draw is followed by its negative.

    Antithetic pairs: what the model leaves of a noise, its negative takes away in the mean.
    """
    generator = torch.Generator().manual_seed(job.seed)
    drawn = torch.randn(((job.samples + 1) // 2, *like.shape[1:]), generator=generator)
    return torch.stack([drawn, -drawn], dim=1).flatten(0, 1)[: job.samples].to(like.device)


def _predict(model: BaseModel, latents: Tensor, time: int, guide: tuple[list[Tensor], float]) -> Tensor:
    """The noise, float32, guided away from the negative prompt (Ho and Salimans 2022)."""
    states, cfg_scale = guide
    given = latents.to(model.dtype)
    # Prompt and negative prompt in one call.
    together = torch.cat([given] * len(states))
    answer: Tensor = model.unet(together, time, encoder_hidden_states=torch.cat(states)).sample.float()
    if len(states) == 1:
        return answer
    wanted, unwanted = answer.chunk(2)
    guided: Tensor = unwanted + cfg_scale * (wanted - unwanted)
    return guided


def to_tensor(picture: Image.Image) -> Tensor:
    """(1, 3, h, w) in -1..1 of an RGB picture, or (1, 1, h, w) in 0..1 of an "L" mask."""
    array = torch.from_numpy(np.array(picture, dtype=np.float32))
    if picture.mode == "L":
        return array[None, None] / 255
    return array.permute(2, 0, 1)[None] / 127.5 - 1


def to_image(picture: Tensor) -> Image.Image:
    """The RGB picture of (1, 3, h, w) in -1..1."""
    array = ((picture[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return Image.fromarray(array.to(torch.uint8).numpy())
