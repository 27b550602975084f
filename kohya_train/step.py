"""One optimiser step, whose every random number follows from (seed, step, pass)."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from kohya_train import noise
from kohya_train.contract import Stepped, TrainerError, warned
from kohya_train.latents import LatentBatch
from kohya_train.memory import is_out_of_memory, release, smaller
from kohya_train.optimizers import set_learning_rate
from kohya_train.precision import weight_dtype
from kohya_train.run import Text, TrainerRun

MOST_TEXTS = 1000
"""Encoded captions that are kept; shuffled tags make more of them than memory is worth."""


def generator_for(seed: int, *place: int) -> torch.Generator:
    """A generator for every (step, pass of all processes): a resumed run draws what the unbroken one would have."""
    digest = hashlib.sha256("/".join(map(str, (seed, *place))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


class LossIsNotANumber(TrainerError):
    """The training has diverged."""


def take_step(run: TrainerRun, step: int) -> Stepped:
    """Do and report one step. Raises LossIsNotANumber when its loss or its gradients are none.

    Where memory runs out the step is done again in smaller parts, as all that follow.
    """
    before = time.perf_counter()
    while True:
        try:
            loss, rate = _step(run, step)
            break
        except (RuntimeError, MemoryError) as problem:
            if not is_out_of_memory(problem) or (said := smaller(run)) is None:
                raise
        # Outside of the handler: the exception holds the frames and with them the tensors that did not fit.
        run.optimizer.zero_grad()
        release(run.accelerator.device)
        run.report(warned(said))
    if run.ema:
        run.ema.update(step)
    done = Stepped(step, run.config.steps, loss, rate, round(time.perf_counter() - before, 4))
    run.report(done)
    return done


def _step(run: TrainerRun, step: int) -> tuple[float, float]:
    """One optimiser step; its loss, averaged over passes and processes, and its learning rate."""
    config, accelerator = run.config, run.accelerator
    run.optimizer.zero_grad()
    rate = set_learning_rate(run.optimizer.optimizer, config, step)
    total = torch.zeros((), device=accelerator.device)
    for turn in range(config.accumulation):
        # Two processes draw what one with twice the passes draws; the last number is what older files had.
        generator = generator_for(config.seed, step, turn * accelerator.num_processes + accelerator.process_index, 0)
        for batch in run.latents.draw(indices(run, step, turn), generator):
            for part in _parts(_noised(run, batch, generator), run.plan.parts):
                share = len(part.levels) / config.batch_size / config.accumulation
                loss = _loss(run, part) * share
                accelerator.backward(loss)
                total += loss.detach()
    weights = list(run.network.tensors().values())
    average_gradients(accelerator, weights)
    accelerator.unscale_gradients()
    # Accelerate's own loads torch's tensors over several machines first, a second of processor time.
    norm = nn.utils.clip_grad_norm_(weights, config.max_grad_norm or math.inf)
    # One look at the device for both; a GradScaler skips steps whose gradients overflow by itself.
    told, size = torch.stack([accelerator.reduce(total, "mean"), torch.as_tensor(norm, device=total.device)]).tolist()
    if not math.isfinite(told) or not (math.isfinite(size) or accelerator.scaler):
        raise LossIsNotANumber("loss-not-a-number", step=step)
    run.optimizer.step()
    if config.scale_weight_norms:
        run.network.limit_norms(config.scale_weight_norms)
    return told, rate


def indices(run: TrainerRun, step: int, turn: int) -> list[int]:
    """Which examples this process takes: every epoch visits each once, in an order of its own."""
    count, size, world = len(run.examples), run.config.batch_size, run.accelerator.num_processes
    first = (((step - 1) * run.config.accumulation + turn) * world + run.accelerator.process_index) * size
    chosen = []
    for epoch, place_in in (divmod(first + i, count) for i in range(size)):
        order = torch.randperm(count, generator=generator_for(run.config.seed, -1, epoch))
        chosen.append(int(order[place_in]))
    return chosen


@dataclass(frozen=True)
class Noised:
    """What the U-Net is asked about and what it should answer; rows are pictures."""

    latents: Tensor  # (n, c, h, w) with noise
    target: Tensor  # (n, c, h, w)
    levels: Tensor  # (n,)
    weights: Tensor  # (n,)
    bounds: Tensor  # (n,) of the Huber loss
    captions: tuple[str, ...]
    time_ids: Tensor
    masks: Tensor | None


def _noised(run: TrainerRun, batch: LatentBatch, generator: torch.Generator) -> Noised:
    scheduler, config = run.bundle.scheduler, run.config
    drawn = noise.noise_like(batch.latents, config.noise_offset, generator)
    levels = torch.randint(run.bundle.noise_levels, (len(batch.latents),), generator=generator)
    given = scheduler.add_noise(batch.latents, noise.perturbed(drawn, config.ip_noise_gamma, generator), levels)
    return Noised(
        latents=given,
        target=noise.target_of(scheduler, batch.latents, drawn, levels),
        levels=levels,
        weights=noise.level_weights(scheduler, levels, config) * batch.weights,
        bounds=noise.huber_bounds(scheduler, levels, config),
        captions=batch.captions,
        time_ids=batch.time_ids,
        masks=batch.masks,
    )


def loss_of_one(run: TrainerRun) -> Tensor:
    """The loss of one picture, as a step would ask for it; nothing is drawn from the training's own numbers."""
    generator = generator_for(run.config.seed, -2)
    return _loss(run, _noised(run, run.latents.draw([0], generator)[0], generator))


def _parts(whole: Noised, count: int) -> list[Noised]:
    """The pictures in so many parts, as nearly equal as they come."""
    if count == 1:
        return [whole]
    size = -(-len(whole.levels) // count)
    cuts = [slice(first, first + size) for first in range(0, len(whole.levels), size)]
    rows: dict[str, Any] = vars(whole)
    cut_rows: list[dict[str, Any]] = [{n: None if one is None else one[cut] for n, one in rows.items()} for cut in cuts]
    return [Noised(**one) for one in cut_rows]


def _loss(run: TrainerRun, asked: Noised) -> Tensor:
    """Mean over the pictures; their number is left to the caller."""
    device = run.accelerator.device
    with run.accelerator.autocast():
        hidden, pooled = _text(run, asked.captions)
        # Sizes stay fp32: bf16 knows 1360 and 1368 but nothing between.
        ids = asked.time_ids.to(device, torch.float32)
        extra = {} if pooled is None else {"text_embeds": pooled, "time_ids": ids}
        noisy = asked.latents.to(device, weight_dtype(run.accelerator))
        predicted = run.bundle.unet(noisy, asked.levels.to(device), hidden, added_cond_kwargs=extra).sample
    errors = noise.pixel_errors(predicted, asked.target.to(device), run.config.loss_type, asked.bounds.to(device))
    masks = None if asked.masks is None else asked.masks.to(device)
    return noise.weighted_error(errors, asked.weights.to(device), masks)


def _text(run: TrainerRun, captions: tuple[str, ...]) -> Text:
    """States for a batch; a caption that several pictures share is encoded once."""
    distinct = sorted(set(captions))
    rows = [distinct.index(caption) for caption in captions]
    if run.network.text:
        hidden, pooled = run.bundle.encode_text(distinct)
    else:
        pairs = [_kept_text(run, caption) for caption in distinct]
        hidden = torch.cat([states for states, _ in pairs])
        pooled = None if pairs[0][1] is None else torch.cat([states for _, states in pairs if states is not None])
    return hidden[rows], None if pooled is None else pooled[rows]


def _kept_text(run: TrainerRun, caption: str) -> Text:
    """States of one caption from a text encoder that is not trained."""
    found = run.texts.get(caption)
    if found is None:
        with torch.no_grad():
            found = run.bundle.encode_text([caption])
        if len(run.texts) < MOST_TEXTS:
            run.texts[caption] = found
    return found


def average_gradients(accelerator: Accelerator, weights: list[nn.Parameter]) -> None:
    """Over all processes, in one message for all gradients."""
    if accelerator.num_processes == 1:
        return
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = accelerator.reduce(torch.cat([one.flatten() for one in gradients]), "mean")
    for one, mean in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
        one.copy_(mean.view_as(one))
