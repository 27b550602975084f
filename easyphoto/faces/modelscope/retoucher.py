"""Smoother skin by ABPN: blemishes painted over, then a layer that smooths by soft light. It never whitens."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from easyphoto.domain import Box, Floats, Pixels
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.builtin.onnx_net import blob_of
from easyphoto.faces.geometry import square_of
from easyphoto.faces.modelscope.blemish_nets import BlemishDetector, BlemishPainter
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.skin_unet import SkinUNet
from easyphoto.faces.modelscope.weights import filled, read_tensors
from easyphoto.images.color import lab_to_rgb, rgb_to_lab

_ROOM = 1.5  # of the square that is retouched, in longer face sides
_SIDE = 512  # of what the generator sees
_DEGREE = 0.7  # of the layer, at a ratio of 1
_RAMP = 20 / 500  # of the square's side: over it the layer fades in
_DETECT_SIDE = 768
_DOUBTFUL, _SURE = 0.35, 0.5  # probabilities of a blemish under which it is none, and from which it is wholly one
_PATCH, _OVERLAP = 512, 32  # of what the painter sees at a time


class SkinRetoucher:
    """Runs the two networks for single blemishes, then the generator."""

    def __init__(self, generator: Path, local: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: filled(SkinUNet, read_tensors(generator, "generator"), generator), device)
        self._finder = LazyNetwork(lambda: filled(BlemishDetector, read_tensors(local, "detection_net"), local), device)
        self._painter = LazyNetwork(
            lambda: filled(BlemishPainter, read_tensors(local, "inpainting_net"), local), device
        )

    def release(self) -> None:
        """Forget the networks."""
        for network in (self.network, self._finder, self._painter):
            network.release()

    def retouch(self, picture: Pixels, box: Box, skin: Pixels, ratio: float) -> Pixels:
        """`picture` with the face in `box` retouched by `ratio` 0..1; `skin` is its mask, uint8 H x W.

        Pixels that are no skin stay bit for bit, and so does the mean color of the skin.
        """
        ratio = float(np.clip(ratio, 0, 1))
        window = CropWindow.round_face(square_of(box, _ROOM), (picture.shape[1], picture.shape[0]), 1.0)
        mask = window.cut(skin)
        out = picture.copy()
        if ratio and mask.any():
            part = window.cut(picture)
            smooth = self._smooth(np.ascontiguousarray(part), ratio)
            window.cut(out)[:] = laid_on_skin(part, smooth, mask)
        return out

    def _smooth(self, part: Pixels, ratio: float) -> Floats:
        """RGB of 0..1."""
        light = torch.from_numpy(blob_of(part, -1, 1))
        light = light + ratio * (self._without_blemishes(light) - light)
        layer = softened(self._layer(light), _DEGREE * ratio, edge_ramp(*part.shape[:2]))
        return soft_light(((light[0] + 1) / 2).permute(1, 2, 0).numpy(), layer)

    def _layer(self, light: Tensor) -> Floats:
        """(h, w, 3) of 0..1."""
        small = functional.interpolate(light, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
        with self.network.working() as network:
            layer = network(small.to(self.network.device)).cpu()
        large = functional.interpolate(layer, light.shape[2:], mode="bilinear", align_corners=False)
        return np.asarray(large[0].permute(1, 2, 0).numpy(), np.float32)

    def _without_blemishes(self, light: Tensor) -> Tensor:
        """(1, 3, h, w) of -1..1."""
        small = functional.interpolate(light, (_DETECT_SIDE, _DETECT_SIDE), mode="bilinear", align_corners=True)
        with self._finder.working() as network:
            found = network(small.to(self._finder.device)).cpu()
        kept = 1 - blemish_share(functional.interpolate(found, light.shape[2:], mode="nearest"))
        return self._painted(light, kept)

    def _painted(self, light: Tensor, kept: Tensor) -> Tensor:
        """`light` where `kept` is 1, the painter's skin where it is 0; in patches, so that memory stays small."""
        high, wide = light.shape[2:]
        room = (_OVERLAP, _OVERLAP + -wide % _PATCH, _OVERLAP, _OVERLAP + -high % _PATCH)
        picture, mask = (functional.pad(one, room) for one in (light * kept, kept))
        out = torch.empty_like(picture)
        with self._painter.working() as network:
            for top in range(0, high, _PATCH):
                for left in range(0, wide, _PATCH):
                    place = (..., slice(top, top + _PATCH + 2 * _OVERLAP), slice(left, left + _PATCH + 2 * _OVERLAP))
                    made = network(*(one[place].to(self._painter.device) for one in (picture, mask))).cpu()
                    inner = made[..., _OVERLAP:-_OVERLAP, _OVERLAP:-_OVERLAP]
                    out[..., top + _OVERLAP : top + _OVERLAP + _PATCH, left + _OVERLAP : left + _OVERLAP + _PATCH] = (
                        inner
                    )
        inner = out[..., _OVERLAP : _OVERLAP + high, _OVERLAP : _OVERLAP + wide]
        return light * kept + (1 - kept) * inner


def blemish_share(probability: Tensor) -> Tensor:
    """0 for what is hardly a blemish, 1 for what surely is one, the probability between."""
    sure = torch.where(probability >= _SURE, torch.ones_like(probability), probability)
    return torch.where(probability >= _DOUBTFUL, sure, torch.zeros_like(probability))


def edge_ramp(height: int, width: int) -> Floats:
    """(h, w) from 0 at the rim to 1, over a part of each side."""
    down, across = (np.arange(count, dtype=np.float32) / count for count in (height, width))
    slopes = [np.minimum(1, np.minimum(one, 1 - one) / np.float32(_RAMP)) for one in (down, across)]
    return np.asarray(np.minimum(slopes[0][:, None], slopes[1][None]), np.float32)


def softened(layer: Floats, degree: float, ramp: Floats) -> Floats:
    """The layer (h, w, 3) of 0..1, its departure from 0.5 made `degree` as strong inside and 0 at the rim."""
    return np.asarray(0.5 + np.clip((layer - 0.5) * np.float32(degree), -0.5, 0.5) * ramp[..., None], np.float32)


def soft_light(light: Floats, layer: Floats) -> Floats:
    """Both 0..1: a layer of 0.5 changes nothing, less darkens, more lightens; black and white stay."""
    return np.asarray((1 - 2 * layer) * light**2 + 2 * layer * light, np.float32)


def laid_on_skin(part: Pixels, smooth: Floats, skin: Pixels) -> Pixels:
    """`smooth` (RGB 0..1) over `part` where `skin` is, its mean color there brought back to the part's own."""
    share = skin.astype(np.float32)[..., None] / np.float32(255)
    lab, own = rgb_to_lab(np.asarray(np.rint(np.clip(smooth, 0, 1) * 255), np.uint8)), rgb_to_lab(part)
    shift = ((own - lab) * share).sum((0, 1)) / max(float(share.sum()), 1e-6)
    mixed = own + share * (lab + shift - own)
    return np.asarray(cv2.copyTo(lab_to_rgb(np.asarray(mixed, np.float32)), skin, part.copy()), np.uint8)
