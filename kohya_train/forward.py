"""How a batch will go through the network: in how many parts, with which LoRAs folded, checkpointed or not."""

from __future__ import annotations

from kohya_train.contract import warned
from kohya_train.forward_choice import cheaper_folded, input_shapes
from kohya_train.memory import activation_bytes, fit, free_memory
from kohya_train.models import checkpoint_activations
from kohya_train.resume import choices_before
from kohya_train.run import TrainerRun
from kohya_train.step import loss_of_one

PLENTY = 64
"""Bytes of free memory for every number of a batch's latents and weight of the U-Net with which nothing is measured."""


def plan_forward(run: TrainerRun) -> None:
    """Fill in the run's plan: as before when the run is resumed, else measured; what had to shrink is a warning."""
    plan, before = run.plan, choices_before(run.config)
    plan.checkpointing = run.config.gradient_checkpointing or bool(before.get("checkpointing"))
    if plan.checkpointing:
        checkpoint_activations(run.bundle)
    plan.parts = int(before.get("parts", 1))
    if "folded" in before:
        plan.folded = tuple(before["folded"])
    elif _folds(run) or not _roomy(run):
        _measure(run)
    for name in plan.folded:
        run.network.modules[name].folded = True


def _folds(run: TrainerRun) -> bool:
    """Whether folding is to be thought of: see `adapter` for why only in fp32."""
    exact = run.config.exact or run.accelerator.mixed_precision != "no"
    return run.config.lora_forward == "folded" or (run.config.lora_forward == "auto" and not exact and _on_cpu(run))


def _on_cpu(run: TrainerRun) -> bool:
    return bool(run.accelerator.device.type == "cpu")


def _roomy(run: TrainerRun) -> bool:
    numbers: int = sum(weight.numel() for weight in run.bundle.unet.parameters())
    return free_memory(run.accelerator.device) > PLENTY * numbers * run.config.batch_size


def _measure(run: TrainerRun) -> None:
    """One pass of one picture, without a backward pass."""
    with input_shapes(run.network) as shapes:
        weights = (weight for model in run.bundle.models for weight in model.parameters())
        needed = activation_bytes(lambda: loss_of_one(run), weights)
    if not run.plan.checkpointing:
        for problem in fit(run, needed, free_memory(run.accelerator.device)):
            run.report(warned(problem))
    if run.config.lora_forward == "folded":
        run.plan.folded = tuple(run.network.modules)
    elif _folds(run):
        pictures = -(-run.config.batch_size // run.plan.parts)
        run.plan.folded = cheaper_folded(run.network, shapes, pictures, run.config.machine)
