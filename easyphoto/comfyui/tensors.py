"""Between ComfyUI's tensors and pictures: IMAGE is B x H x W x 3 in 0..1, MASK is B x H x W with 1 = repaint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from easyphoto.images import pixels


def pictures_of(images: Any) -> list[Image.Image]:
    """RGB pictures of an IMAGE batch; what is more than three channels is transparency and falls away."""
    array = np.nan_to_num(images.detach().cpu().float().numpy()[..., :3])
    return [Image.fromarray(one) for one in np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)]


def image_of(picture: Image.Image) -> Any:
    """An IMAGE of one picture."""
    import torch

    return torch.from_numpy(pixels(picture).astype(np.float32) / 255.0)[None]


def batch_of(pictures: Sequence[Image.Image]) -> Any:
    """An IMAGE of pictures of one size."""
    import torch

    return torch.cat([image_of(picture) for picture in pictures])


def mask_for(masks: Any, number: int, size: tuple[int, int]) -> Image.Image | None:
    """The mask of that picture of a batch as "L" of `size`, 255 = may change; the last one where there are fewer.

    None where nothing is wired, and for an empty mask: *Load Image* gives one of 64 x 64 for pictures without
    transparency.
    """
    if masks is None:
        return None
    array = masks.detach().cpu().float().numpy()
    array = array.reshape(-1, *array.shape[-2:])
    one = np.rint(np.clip(array[min(number, len(array) - 1)], 0.0, 1.0) * 255.0).astype(np.uint8)
    if not one.any():
        return None
    return Image.fromarray(one).resize(size, Image.Resampling.BILINEAR)
