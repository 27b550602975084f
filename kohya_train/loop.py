"""The training: load, inject LoRA, encode, step, save, try; and go on where a killed run stopped."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator

from kohya_train.checkpoint import begin, prepare_folder, save, save_validation_images, stop_asked
from kohya_train.contract import Loaded, TrainConfig, warned
from kohya_train.ema import WeightAverage
from kohya_train.examples import find_examples
from kohya_train.export import load_weights
from kohya_train.families import spec_of
from kohya_train.forward import plan_forward
from kohya_train.latents import LatentStore
from kohya_train.models import Bundle, apply_config, enable_xformers, load, place
from kohya_train.network import Network, inject_lora
from kohya_train.optimizers import make_optimizer
from kohya_train.precision import accelerator_for, allow_speed, choose, weight_dtype
from kohya_train.regularization import make_regularization
from kohya_train.resume import choices_before
from kohya_train.run import Report, TrainerRun, stage
from kohya_train.sight import Sight
from kohya_train.step import take_step


def train(config: TrainConfig, report: Report) -> None:
    """The whole run, the family's own where it has one. Raises StageError, whose cause is the problem."""
    if config.threads:
        torch.set_num_threads(config.threads)
    (spec_of(config.family).train or _train)(config, report)


def _train(config: TrainConfig, report: Report) -> None:
    prepare_folder(config)
    with stage("load"):
        accelerator, bundle, network = _load(config, report)
    with stage("data"):
        with accelerator.main_process_first():
            config = make_regularization(bundle, network, config)
        run = _prepare(config, accelerator, bundle, network, report)
    with stage("save"):
        losses = begin(run)
    with Sight(run) as sight:
        for step in range(len(losses) + 1, config.steps + 1):
            with stage("train"):
                done = take_step(run, step)
            losses.append((step, done.loss))
            sight.note(done)
            stopped = stop_asked(run)
            if stopped or step % config.save_steps == 0 or step == config.steps:
                with stage("save"):
                    save(run, losses)
                save_validation_images(run, step)
            if stopped:
                break
    run.accelerator.end_training()


def _load(config: TrainConfig, report: Report) -> tuple[Accelerator, Bundle, Network]:
    precision = choose(config, choices_before(config).get("precision", ""))
    allow_speed(config.exact)
    accelerator = accelerator_for(precision)
    bundle = apply_config(load(config, weight_dtype(accelerator)), config)
    network = inject_lora(bundle, config)
    if config.network_weights:
        load_weights(network, Path(config.network_weights))
    place(bundle, accelerator.device, weight_dtype(accelerator))
    for weight in network.tensors().values():
        weight.data = weight.data.float()
    if warning := enable_xformers(bundle):
        report(warned(warning))
    report(
        Loaded(
            len(network.text),
            len(network.unet),
            accelerator.device.type,
            precision.name,
            precision.why,
            precision.params,
        )
    )
    return accelerator, bundle, network


def _prepare(
    config: TrainConfig, accelerator: Accelerator, bundle: Bundle, network: Network, report: Report
) -> TrainerRun:
    examples = find_examples(config)
    run = TrainerRun(
        config=config,
        accelerator=accelerator,
        bundle=bundle,
        network=network,
        optimizer=accelerator.prepare(make_optimizer(network.groups(config), config)),
        latents=LatentStore(bundle, examples, config),
        texts={},
        examples=examples,
        report=report,
        ema=WeightAverage(network.tensors(), config.ema_decay) if config.ema_decay else None,
    )
    plan_forward(run)
    return run
