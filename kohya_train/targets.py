"""Which layers of a base model take a LoRA: kohya's choice, by the classes of the blocks they lie in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import nn

from kohya_train.contract import BadConfig, TrainConfig

_CONV_BLOCKS = ("ResnetBlock2D", "Downsample2D", "Upsample2D")
_LEVEL = re.compile(r"^(down_blocks|mid_block|up_blocks)(?:\.(\d+))?\.")


def unet_targets(unet: nn.Module) -> list[str]:
    """Module paths of the Linears and 1x1 convolutions inside `Transformer2DModel` blocks."""
    return [
        path
        for path, module in _inside(unet, r"Transformer2DModel")
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1))
    ]


def conv_targets(unet: nn.Module) -> list[str]:
    """Of the Linears and convolutions in the blocks between: resnets and changes of size (kohya's C3Lier)."""
    kinds = (nn.Linear, nn.Conv2d)
    return [path for path, one in _inside(unet, "|".join(_CONV_BLOCKS)) if isinstance(one, kinds)]


def text_targets(encoder: nn.Module) -> list[str]:
    """Module paths of the Linears inside CLIP attention and CLIP MLP (whatever attention class is in use)."""
    return [path for path, one in _inside(encoder, r"CLIP\w*(Attention\w*|MLP)") if isinstance(one, nn.Linear)]


def _inside(model: nn.Module, kind: str) -> Sequence[tuple[str, nn.Module]]:
    """Every module below a block whose class has that name, in order."""
    return [
        (f"{outer}.{inner}", module)
        for outer, block in model.named_modules()
        if re.fullmatch(kind, type(block).__name__)
        for inner, module in block.named_modules()
        if inner
    ]


def block_weight(config: TrainConfig, model: nn.Module, path: str) -> float:
    """Factor of the learning rate for a layer of the U-Net, 1 outside its levels; 0: the layer takes no LoRA.

    Raises BadConfig when there are not as many numbers as levels.
    """
    found = _LEVEL.match(path)
    if found is None:
        return 1.0
    if found[1] == "mid_block":
        return config.mid_lr_weight
    name = {"down_blocks": "down_lr_weight", "up_blocks": "up_lr_weight"}[found[1]]
    weights: tuple[float, ...] = getattr(config, name)
    levels = len(list(getattr(model, found[1])))
    if weights and len(weights) != levels:
        raise BadConfig("other-number-of-levels", name=name, given=len(weights), levels=levels)
    return weights[int(found[2])] if weights else 1.0
