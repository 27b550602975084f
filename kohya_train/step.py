"""One optimiser step, whose every random number follows from (seed, step, pass, process)."""

from __future__ import annotations

import hashlib
import time

import torch
from accelerate import Accelerator
from torch import nn

from kohya_train import noise
from kohya_train.contract import Stepped, TrainerError
from kohya_train.dataset import LatentBatch, draw
from kohya_train.precision import weight_dtype
from kohya_train.run import Text, TrainerRun

MAX_GRAD_NORM = 1.0


def generator_for(seed: int, *place: int) -> torch.Generator:
    """A generator of its own for every (step, pass, process): a resumed run draws what the unbroken one would have."""
    digest = hashlib.sha256("/".join(map(str, (seed, *place))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


class LossIsNotANumber(TrainerError):
    """The training has diverged."""


def take_step(run: TrainerRun, step: int) -> float:
    """Do and report one step; its loss. Raises LossIsNotANumber when that is not a number."""
    before = time.perf_counter()
    loss = _step(run, step)
    if loss != loss:
        raise LossIsNotANumber("loss-not-a-number", step=step)
    seconds = time.perf_counter() - before
    run.report(Stepped(step, run.config.steps, loss, run.config.learning_rate, round(seconds, 4)))
    return loss


def _step(run: TrainerRun, step: int) -> float:
    """One optimiser step; its loss, averaged over passes and processes."""
    run.optimizer.zero_grad()
    total = torch.zeros((), device=run.accelerator.device)
    for turn in range(run.config.accumulation):
        generator = generator_for(run.config.seed, step, turn, run.accelerator.process_index)
        batch = draw(run.views, indices(run, step, turn), generator)
        loss = _loss(run, batch, generator) / run.config.accumulation
        run.accelerator.backward(loss)
        total += loss.detach()
    weights = list(run.network.tensors().values())
    _average_gradients(run.accelerator, weights)
    run.accelerator.clip_grad_norm_(weights, MAX_GRAD_NORM)
    run.optimizer.step()
    return float(run.accelerator.reduce(total, "mean"))


def indices(run: TrainerRun, step: int, turn: int) -> list[int]:
    """Which examples this process takes: every epoch visits each once, in an order of its own."""
    count, size, world = len(run.examples), run.config.batch_size, run.accelerator.num_processes
    first = (((step - 1) * run.config.accumulation + turn) * world + run.accelerator.process_index) * size
    chosen = []
    for epoch, place_in in (divmod(first + i, count) for i in range(size)):
        order = torch.randperm(count, generator=generator_for(run.config.seed, -1, epoch))
        chosen.append(int(order[place_in]))
    return chosen


def _loss(run: TrainerRun, batch: LatentBatch, generator: torch.Generator) -> torch.Tensor:
    bundle, config, device = run.bundle, run.config, run.accelerator.device
    drawn = noise.noise_like(batch.latents, config.noise_offset, generator)
    levels = torch.randint(bundle.noise_levels, (len(batch.latents),), generator=generator)
    noisy = bundle.scheduler.add_noise(batch.latents, drawn, levels)
    target = noise.target_of(bundle.scheduler, batch.latents, drawn, levels)
    with run.accelerator.autocast():
        hidden, pooled = _text(run, batch.captions)
        # Sizes stay fp32: bf16 knows 1360 and 1368 but nothing between.
        extra = {} if pooled is None else {"text_embeds": pooled, "time_ids": batch.time_ids.to(device, torch.float32)}
        predicted = bundle.unet(
            noisy.to(device, weight_dtype(run.accelerator)), levels.to(device), hidden, added_cond_kwargs=extra
        ).sample
    weights = noise.snr_weights(bundle.scheduler, levels, config.min_snr_gamma)
    return noise.weighted_error(predicted, target.to(device), weights.to(device))


def _text(run: TrainerRun, captions: tuple[str, ...]) -> Text:
    """States for a batch; a caption that several pictures share is encoded once."""
    distinct = sorted(set(captions))
    rows = [distinct.index(caption) for caption in captions]
    if run.texts:
        pairs = [run.texts[caption] for caption in distinct]
        hidden = torch.cat([states for states, _ in pairs])
        pooled = None if pairs[0][1] is None else torch.cat([states for _, states in pairs if states is not None])
    else:
        hidden, pooled = run.bundle.encode_text(distinct)
    return hidden[rows], None if pooled is None else pooled[rows]


def _average_gradients(accelerator: Accelerator, weights: list[nn.Parameter]) -> None:
    if accelerator.num_processes == 1:
        return
    for weight in weights:
        if weight.grad is not None:
            weight.grad = accelerator.reduce(weight.grad, "mean")
