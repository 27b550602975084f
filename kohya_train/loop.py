"""The training: load, wear LoRA, cache, step, save, try; and go on where a killed run stopped."""

from __future__ import annotations

import gc
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from kohya_train import noise
from kohya_train.contract import Event, Loaded, Resumed, Saved, Stepped, TrainConfig, Tried, Warned
from kohya_train.dataset import Batch, Example, View, cache, draw, find_examples
from kohya_train.export import checkpoint_file, metadata, write_lora
from kohya_train.models import Bundle, load, place, quicken
from kohya_train.network import Network, install
from kohya_train.precision import accelerator_for, weight_dtype
from kohya_train.resume import Losses, NoResume, load_state, resume_file, save_state
from kohya_train.sample import paint_trial, trial_file

_log = logging.getLogger(__name__)

Report = Callable[[Event], None]
Text = tuple[torch.Tensor, torch.Tensor | None]

MAX_GRAD_NORM = 1.0


class StageError(Exception):
    """Names the stage in which `__cause__` ended the run."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What is raised inside leaves as StageError(name)."""
    try:
        yield
    except StageError:
        raise
    except Exception as problem:
        raise StageError(name) from problem


@dataclass(frozen=True, eq=False)
class Run:
    """All that a step needs."""

    config: TrainConfig
    accelerator: Accelerator
    bundle: Bundle
    network: Network
    optimizer: Any  # accelerate's wrapper of AdamW
    views: tuple[tuple[View, ...], ...]
    texts: dict[str, Text]  # encoded captions when the text encoder is frozen, else empty
    examples: tuple[Example, ...]
    report: Report
    started: float = field(default_factory=time.time)

    @property
    def folder(self) -> Path:
        """Where checkpoints, trials and the resume file go."""
        return Path(self.config.output_folder)


def train(config: TrainConfig, report: Report) -> None:
    """The whole run. Raises StageError, whose cause is the problem."""
    if config.threads:
        torch.set_num_threads(config.threads)
    with stage("load"):
        accelerator, bundle, network = _load(config, report)
    with stage("data"):
        run = _prepare(config, accelerator, bundle, network, report)
    with stage("save"):
        losses = _take_up(run)
    for step in range(len(losses) + 1, config.steps + 1):
        with stage("train"):
            losses.append((step, _timed_step(run, step)))
        if step % config.save_steps == 0 or step == config.steps:
            with stage("save"):
                _save(run, losses)
            _try_out(run, step)


# ---------------------------------------------------------------- before the first step


def _load(config: TrainConfig, report: Report) -> tuple[Accelerator, Bundle, Network]:
    accelerator = accelerator_for(config.precision)
    bundle = load(config)
    network = install(bundle, config)
    place(bundle, accelerator.device, weight_dtype(accelerator))
    for weight in network.tensors().values():
        weight.data = weight.data.float()
    if warning := quicken(bundle, config.gradient_checkpointing):
        report(Warned(warning))
    precision = {"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
    report(Loaded(len(network.text), len(network.unet), accelerator.device.type, precision))
    return accelerator, bundle, network


def _prepare(config: TrainConfig, accelerator: Accelerator, bundle: Bundle, network: Network, report: Report) -> Run:
    examples = find_examples(Path(config.data_folder))
    views = cache(bundle, examples, config.resolution, config.seed)
    bundle.vae.to(dtype=weight_dtype(accelerator))
    texts: dict[str, Text] = {}
    if not network.text:
        with torch.no_grad(), accelerator.autocast():
            texts = {caption: bundle.encode_text([caption]) for caption in {one.caption for one in examples}}
    if config.gradient_checkpointing:
        for model in (bundle.unet, *bundle.text_encoders):
            model.train()  # older libraries checkpoint in training mode only; there is no dropout to switch on
    optimizer = torch.optim.AdamW(network.groups(config), betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    wrapped = accelerator.prepare(optimizer)
    Path(config.output_folder, "trials").mkdir(parents=True, exist_ok=True)
    return Run(config, accelerator, bundle, network, wrapped, views, texts, examples, report)


def _take_up(run: Run) -> Losses:
    """Losses of the steps that are done already: those of the resume file, or none after clearing old results."""
    if not (run.config.resume and resume_file(run.folder).is_file()):
        _clear(run)
        return []
    try:
        losses = load_state(run.config, run.network, run.optimizer.optimizer)
    except NoResume as problem:
        run.report(Warned(f"The training starts from the beginning: {problem}."))
        _clear(run)
        return []
    run.report(Resumed(losses[-1][0], tuple(losses)))
    for step, _ in losses:
        if (file := checkpoint_file(run.folder, step)).is_file():
            run.report(Saved(step, str(file)))
            _try_out(run, step, repaint=step == losses[-1][0])
    return losses


def _clear(run: Run) -> None:
    """Remove what an earlier run left, so that it cannot vote in this one's place."""
    run.accelerator.wait_for_everyone()
    if not run.accelerator.is_main_process:
        return
    resume_file(run.folder).unlink(missing_ok=True)
    for old in [*run.folder.glob("checkpoint-*.safetensors"), *run.folder.glob("trials/step-*-template-*.png")]:
        old.unlink()


# ---------------------------------------------------------------- a step


def generator_for(seed: int, *place: int) -> torch.Generator:
    """A generator of its own for every (step, pass, process): a resumed run draws what the unbroken one would have."""
    digest = hashlib.sha256("/".join(map(str, (seed, *place))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _timed_step(run: Run, step: int) -> float:
    before = time.perf_counter()
    loss = _step(run, step)
    if loss != loss:
        raise FloatingPointError(f"the loss is not a number at step {step}; lower the learning rate")
    seconds = time.perf_counter() - before
    run.report(Stepped(step, run.config.steps, loss, run.config.learning_rate, round(seconds, 4)))
    return loss


def _step(run: Run, step: int) -> float:
    """One optimiser step; its loss, averaged over passes and processes."""
    run.optimizer.zero_grad()
    total = torch.zeros((), device=run.accelerator.device)
    for turn in range(run.config.accumulation):
        generator = generator_for(run.config.seed, step, turn, run.accelerator.process_index)
        batch = draw(run.views, _indices(run, step, turn), generator)
        loss = _loss(run, batch, generator) / run.config.accumulation
        run.accelerator.backward(loss)
        total += loss.detach()
    weights = list(run.network.tensors().values())
    _average_gradients(run.accelerator, weights)
    run.accelerator.clip_grad_norm_(weights, MAX_GRAD_NORM)
    run.optimizer.step()
    return float(run.accelerator.reduce(total, "mean"))


def _indices(run: Run, step: int, turn: int) -> list[int]:
    """Which examples this process takes: every epoch visits each once, in an order of its own."""
    count, size, world = len(run.examples), run.config.batch_size, run.accelerator.num_processes
    first = (((step - 1) * run.config.accumulation + turn) * world + run.accelerator.process_index) * size
    chosen = []
    for epoch, place_in in (divmod(first + i, count) for i in range(size)):
        order = torch.randperm(count, generator=generator_for(run.config.seed, -1, epoch))
        chosen.append(int(order[place_in]))
    return chosen


def _loss(run: Run, batch: Batch, generator: torch.Generator) -> torch.Tensor:
    bundle, config, device = run.bundle, run.config, run.accelerator.device
    drawn = noise.noise_like(batch.latents, config.noise_offset, generator)
    levels = torch.randint(bundle.noise_levels, (len(batch.latents),), generator=generator)
    noisy = bundle.scheduler.add_noise(batch.latents, drawn, levels)
    target = noise.target_of(bundle.scheduler, batch.latents, drawn, levels)
    with run.accelerator.autocast():
        hidden, pooled = _text(run, batch.captions)
        extra = {} if pooled is None else {"text_embeds": pooled, "time_ids": batch.time_ids.to(pooled)}
        predicted = bundle.unet(
            noisy.to(device, weight_dtype(run.accelerator)), levels.to(device), hidden, added_cond_kwargs=extra
        ).sample
    weights = noise.snr_weights(bundle.scheduler, levels, config.min_snr_gamma)
    return noise.weighted_error(predicted, target.to(device), weights.to(device))


def _text(run: Run, captions: tuple[str, ...]) -> Text:
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


# ---------------------------------------------------------------- a checkpoint


def _save(run: Run, losses: Losses) -> None:
    """The LoRA file and the resume file of the last step in `losses`."""
    run.accelerator.wait_for_everyone()
    if not run.accelerator.is_main_process:
        return
    step = losses[-1][0]
    file = checkpoint_file(run.folder, step)
    captions = Counter(example.caption for example in run.examples)
    used = replace(run.config, precision=str(run.accelerator.mixed_precision))
    write_lora(file, run.network, metadata(used, step, captions, run.started))
    save_state(run.config, run.network, run.optimizer.optimizer, losses)
    run.report(Saved(step, str(file)))


def _try_out(run: Run, step: int, repaint: bool = True) -> None:
    """Trial pictures of a checkpoint; one that fails is a warning. Existing ones are only reported.

    With `repaint` off (an older checkpoint of a resumed run, whose weights are not loaded) missing ones stay missing.
    """
    if run.accelerator.is_main_process:
        for number, template in enumerate(run.config.trials.templates):
            file = trial_file(run.folder, step, number)
            try:
                if repaint and not file.is_file():
                    with run.accelerator.autocast():
                        painted = paint_trial(
                            run.bundle, run.config.trials, template, run.config.resolution, run.config.seed
                        )
                    part = file.with_suffix(".part.png")
                    painted.save(part)
                    part.replace(file)
            except Exception as problem:  # a trial is a convenience: whatever breaks it must not cost the training
                _log.exception("trial picture %d of step %d", number, step)
                run.report(Warned(f"Trial picture {number} of step {step} failed: {type(problem).__name__}: {problem}"))
            if file.is_file():
                run.report(Tried(step, number, str(file)))
        if run.accelerator.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
    run.accelerator.wait_for_everyone()
