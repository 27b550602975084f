"""The training: load, inject LoRA, cache, step, save, try; and go on where a killed run stopped."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator

from kohya_train.checkpoint import resume_run, save, save_validation_images
from kohya_train.contract import Loaded, TrainConfig, warned
from kohya_train.dataset import cache, find_examples
from kohya_train.models import Bundle, enable_memory_savings, load, place
from kohya_train.network import Network, inject_lora
from kohya_train.precision import accelerator_for, weight_dtype
from kohya_train.run import Report, Text, TrainerRun, stage
from kohya_train.step import take_step


def train(config: TrainConfig, report: Report) -> None:
    """The whole run. Raises StageError, whose cause is the problem."""
    if config.threads:
        torch.set_num_threads(config.threads)
    with stage("load"):
        accelerator, bundle, network = _load(config, report)
    with stage("data"):
        run = _prepare(config, accelerator, bundle, network, report)
    with stage("save"):
        losses = resume_run(run)
    for step in range(len(losses) + 1, config.steps + 1):
        with stage("train"):
            losses.append((step, take_step(run, step)))
        if step % config.save_steps == 0 or step == config.steps:
            with stage("save"):
                save(run, losses)
            save_validation_images(run, step)


def _load(config: TrainConfig, report: Report) -> tuple[Accelerator, Bundle, Network]:
    accelerator = accelerator_for(config.precision)
    bundle = load(config, weight_dtype(accelerator))
    network = inject_lora(bundle, config)
    place(bundle, accelerator.device, weight_dtype(accelerator))
    for weight in network.tensors().values():
        weight.data = weight.data.float()
    if warning := enable_memory_savings(bundle, config.gradient_checkpointing):
        report(warned(warning))
    precision = {"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
    report(Loaded(len(network.text), len(network.unet), accelerator.device.type, precision))
    return accelerator, bundle, network


def _prepare(
    config: TrainConfig, accelerator: Accelerator, bundle: Bundle, network: Network, report: Report
) -> TrainerRun:
    examples = find_examples(Path(config.data_folder))
    views = cache(bundle, examples, config.resolution, config.seed)
    texts: dict[str, Text] = {}
    if not network.text:
        with torch.no_grad(), accelerator.autocast():
            texts = {caption: bundle.encode_text([caption]) for caption in {one.caption for one in examples}}
    if config.gradient_checkpointing:
        for model in (bundle.unet, *bundle.text_encoders):
            model.train()  # older libraries checkpoint in training mode only; there is no dropout to switch on
    optimizer = torch.optim.AdamW(network.groups(config), betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    wrapped = accelerator.prepare(optimizer)
    Path(config.output_folder, "validation_images").mkdir(parents=True, exist_ok=True)
    return TrainerRun(config, accelerator, bundle, network, wrapped, views, texts, examples, report)
