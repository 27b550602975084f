"""The conditional inpainting model on upright frames that ships with the program; it has a training of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kohya_train.families.base import TrainerSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from kohya_train.contract import TrainConfig, TrainerEvent


def _train(config: TrainConfig, report: Callable[[TrainerEvent], None]) -> None:
    from kohya_train.frame_training import train

    train(config, report)


SPEC = TrainerSpec(base_version="easyphoto_inpaint", architecture="easyphoto-inpaint/lora", train=_train)
