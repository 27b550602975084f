"""Blurred faces made sharp by GPEN, if the quality network finds the face good enough and still the person's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.enhancer import net_share, true_to
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.builtin.onnx_net import blob_of, pixels_of
from easyphoto.faces.geometry import Array, moved
from easyphoto.faces.modelscope.face_alignment import laid_back, padded_crop, rectangle
from easyphoto.faces.modelscope.face_quality import QualityBackbone, QualityHead
from easyphoto.faces.modelscope.gpen import Gpen, widths_of
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.weights import filled, read_tensors, shape_of

_RESULT_FACE = 480.0  # width of the face in the result, as the built-in enhancer's
_KEPT = 3.0  # face boxes of the photo that are enlarged
_TRUE = 0.8  # photo's pixels; what is coarser is the photo's own
_QUALITY_SIDE = 112
_LEAST_QUALITY, _MOST_CHANGE = 0.1, 0.15  # of the face, and cosine distance from before to after


def read_gpen(file: Path) -> Gpen:
    """The network of the widths that the file has. Raises MissingModel, BadModel."""
    tensors = read_tensors(file)
    widths = shape_of(widths_of, tensors, file)
    return filled(lambda: Gpen(widths), tensors, file)


class GpenRestorer:
    """Runs a GPEN of any size on aligned faces."""

    def __init__(self, file: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: read_gpen(file), device)

    def release(self) -> None:
        """Forget the network."""
        self.network.release()

    def restored(self, picture: Pixels, points: Floats) -> tuple[Pixels, Pixels, Array]:
        """(the aligned face as it is, made sharp, the matrix that cut it)."""
        with self.network.working() as network:
            crop, matrix = padded_crop(picture, points, network.side)
            made = network(self.network.on_device(blob_of(crop, -1, 1)))[0].permute(1, 2, 0).cpu().numpy()
        return crop, pixels_of(made), matrix


@dataclass(frozen=True, eq=False)
class FaceRating:
    """What the quality network says of an aligned face."""

    quality: float  # 0..1
    vector: Floats  # (512,) of length 1


class QualityJudge:
    """Rates faces."""

    def __init__(self, backbone: Path, head: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: filled(QualityBackbone, read_tensors(backbone), backbone), device)
        self._head = LazyNetwork(lambda: filled(QualityHead, read_tensors(head), head), device)

    def release(self) -> None:
        """Forget the networks."""
        self.network.release()
        self._head.release()

    def accepts(self, before: Pixels, after: Pixels) -> bool:
        """See `accepted`."""
        return accepted(self.rate(before), self.rate(after))

    def rate(self, crop: Pixels) -> FaceRating:
        """Of a face as `padded_crop` cuts it, of whatever size."""
        small = cv2.resize(crop, (_QUALITY_SIDE, _QUALITY_SIDE), interpolation=cv2.INTER_AREA)
        with self.network.working() as backbone, self._head.working() as head:
            vector, features = backbone(self.network.on_device(blob_of(np.asarray(small, np.uint8), -1, 1)))
            return FaceRating(float(head(features)[0]), np.asarray(vector[0].cpu().numpy(), np.float32))


def accepted(before: FaceRating, after: FaceRating) -> bool:
    """Whether the face was good enough to be restored, and is still the same person."""
    return before.quality >= _LEAST_QUALITY and 1 - float(before.vector @ after.vector) <= _MOST_CHANGE


class AlignedRestorer(Protocol):
    """Makes faces sharp."""

    def restored(self, picture: Pixels, points: Floats) -> tuple[Pixels, Pixels, Array]:
        """(the aligned face as it is, made sharp, the matrix that cut it)."""
        ...

    def release(self) -> None:
        """Forget networks."""
        ...


class RestorationJudge(Protocol):
    """Says whether a restored face is used."""

    def accepts(self, before: Pixels, after: Pixels) -> bool:
        """Both aligned as the restorer does it."""
        ...

    def release(self) -> None:
        """Forget networks."""
        ...


class PortraitRestorer:
    """Photos with a small face, for fusion; see `FaceToolbox.enhance`."""

    def __init__(self, restorer: AlignedRestorer, judge: RestorationJudge) -> None:
        self._aligned, self._judge = restorer, judge

    def release(self) -> None:
        """Forget the networks."""
        self._aligned.release()
        self._judge.release()

    def enhance(self, photo: FusionSource) -> FusionSource:
        """Three face boxes round a face of 100 to 300 pixels, the face made sharp and 480 wide; else the same."""
        share = net_share(photo.face)
        if share == 0:
            return photo
        large, scale = _enlarged(photo)
        crop, sharp, matrix = self._aligned.restored(large.picture, large.face.points)
        if not self._judge.accepts(crop, sharp):
            return photo
        made, _ = laid_back(large.picture, sharp, matrix, share * rectangle(len(sharp)))
        return FusionSource(true_to(large.picture, made, _TRUE * scale), large.face)


def _enlarged(photo: FusionSource) -> tuple[FusionSource, float]:
    """The part of the photo round its face, by how much it was enlarged."""
    kept = CropWindow.round_face(photo.face.box, (photo.picture.shape[1], photo.picture.shape[0]), _KEPT)
    part = kept.cut(photo.picture)
    ratio = _RESULT_FACE / photo.face.box.width
    size = (max(1, round(part.shape[1] * ratio)), max(1, round(part.shape[0] * ratio)))
    large = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    scale = size[0] / part.shape[1]  # the size was rounded
    return FusionSource(large, moved(photo.face, scale, (-kept.left * scale, -kept.top * scale))), scale
