"""Small faces made crisp by Real-ESRGAN x4plus (Wang et al. 2021, arXiv 2107.10833), mixed with plain enlargement."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from builtin_model.mesh_indices import INNER_MOUTH
from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.face_parsing import CropWindow, paint
from easyphoto.faces.builtin.onnx_net import OnnxNet, blob_of
from easyphoto.faces.geometry import moved
from easyphoto.images.masks import blend

SMALLEST, LARGEST = 100.0, 300.0
"""Widths in pixels of faces that are enhanced. Of smaller ones the net invents a mouth; larger ones have detail."""
_NEEDY = 200.0  # up to this width the net has its full share; from here to the largest it fades
_SHARE = 0.8  # of the net's picture, the rest is bicubic: skin keeps its own texture
_MOUTH_SHARE = 0.25  # of the net's part between the lips of a small face: it draws teeth that the photo does not show
_SMALL_MOUTH, _CLEAR_MOUTH = 150.0, 260.0  # widths of a face up to which that holds, and from which teeth are as seen
_MOUTH_EDGE = 0.012  # softness of that region, in face widths
_NET_FACE = 160.0  # width of the face that the net is shown
_RESULT_FACE = 480.0  # width of the face in the result; fusion works on faces of about that size
_TRUE = 0.8  # photo's pixels; what is coarser is the photo's own, only what is finer is the net's
_KEPT = 3.0  # face boxes of the photo that are enlarged
_MARGIN = 1.3  # face boxes that the net sees
_EDGE = 0.08  # of the face's width: over it the net's part fades into the bicubic one
_TILE, _OVERLAP = 160, 16  # rows the net takes at a time, and how many of its neighbors' it sees: bounds memory
_ZOOM = 4  # of the net


class FaceEnhancer:
    """Runs enhancer.onnx."""

    def __init__(self, folder: Path) -> None:
        self._net = OnnxNet(folder / "enhancer.onnx", arena=False)

    def enhance(self, photo: FusionSource) -> FusionSource:
        """The face with three face boxes round it, 480 pixels wide; see `FaceToolbox.enhance`."""
        share = net_share(photo.face)
        if share == 0:
            return photo
        whole = (photo.picture.shape[1], photo.picture.shape[0])
        kept = CropWindow.round_face(photo.face.box, whole, _KEPT)
        ratio = _RESULT_FACE / photo.face.box.width
        part = kept.cut(photo.picture)
        large = _sized(part, ratio)
        scale = large.shape[1] / part.shape[1]  # the size was rounded
        face = moved(photo.face, scale, (-kept.left * scale, -kept.top * scale))
        near = CropWindow.round_face(face.box, (large.shape[1], large.shape[0]), _MARGIN)
        place = near.cut(large)
        detail = true_to(place, self._detail(part, near, scale), _TRUE * scale)
        shares = share * _teeth_kept(photo.face.box.width, face, near)
        _lay(place, detail, shares, _EDGE * face.box.width)
        return FusionSource(large, face)

    def _detail(self, part: Pixels, near: CropWindow, scale: float) -> Pixels:
        """What the net makes of the window `near` of the part enlarged by `scale`; of the window's size."""
        edges = np.array([[near.left, near.top], [near.right, near.bottom]], np.float64) / scale
        zoom = _NET_FACE * scale / _RESULT_FACE
        width, height = np.maximum(np.rint((edges[1] - edges[0]) * zoom), 8).astype(int)
        # Read at the very place, since the window's edges lie between the part's pixels.
        step = (edges[1] - edges[0]) / (width, height)
        start = edges[0] + step / 2 - 0.5
        smooth = part if zoom >= 1 else cv2.GaussianBlur(part, (0, 0), 0.45 / zoom)
        matrix = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]])
        small = cv2.warpAffine(
            smooth, matrix, (int(width), int(height)), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        size = (near.right - near.left, near.bottom - near.top)
        return np.asarray(cv2.resize(self.enlarged(np.asarray(small, np.uint8)), size, interpolation=cv2.INTER_AREA))

    def enlarged(self, picture: Pixels) -> Pixels:
        """Four times as wide and high, by the net alone, in bands of rows."""
        height = len(picture)
        bands = []
        for top in range(0, height, _TILE):
            bottom = min(top + _TILE, height)
            above, below = max(0, top - _OVERLAP), min(height, bottom + _OVERLAP)
            (band,) = self._net.run(blob_of(picture[above:below], 0, 1))
            bands.append(band[0, :, (top - above) * _ZOOM : (bottom - above) * _ZOOM])
        light: Floats = np.concatenate(bands, axis=1).transpose(1, 2, 0)
        return np.asarray(np.rint(np.clip(light, 0, 1) * 255), np.uint8)


def net_share(face: Face) -> float:
    """How much of the net's picture a face gets: 0..0.8 by its width; 0 where it stays as it is."""
    width = face.box.width
    if not SMALLEST <= width <= LARGEST:
        return 0.0
    return _SHARE * min(1.0, (LARGEST - width) / (LARGEST - _NEEDY))


def _teeth_kept(width: float, face: Face, near: CropWindow) -> Floats:
    """H x W of the window `near`: 1, less between the lips of a face that is `width` pixels wide in its photo."""
    size = (near.right - near.left, near.bottom - near.top)
    if face.mesh is None:
        return np.ones(size[::-1], np.float32)
    lips = face.mesh[list(INNER_MOUTH), :2].astype(np.float64) - (near.left, near.top)
    inside = paint([lips], size, _MOUTH_EDGE * face.box.width) / np.float32(255)
    clear = np.interp(width, (_SMALL_MOUTH, _CLEAR_MOUTH), (_MOUTH_SHARE, 1.0))
    return np.asarray(1 - (1 - clear) * inside, np.float32)


def true_to(plain: Pixels, detail: Pixels, sigma: float) -> Pixels:
    """`detail` without what it changed of what the photo, enlarged to `plain`, shows by itself.

    One step of back-projection (Irani and Peleg 1991) with a Gaussian of `sigma` pixels: shapes, colors and freckles
    stay the person's, and so does the likeness.
    """
    missing = cv2.GaussianBlur(plain.astype(np.float32) - detail, (0, 0), sigma)
    return np.asarray(np.rint(np.clip(detail + missing, 0, 255)), np.uint8)


def _lay(place: Pixels, detail: Pixels, share: Floats, edge: float) -> None:
    """`detail` mixed into `place` by `share` (H x W), fading over `edge` pixels at its rim."""
    inside = np.zeros((place.shape[0] + 2, place.shape[1] + 2), np.uint8)
    inside[1:-1, 1:-1] = 1
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    place[:] = blend(place, detail, np.asarray(share * np.clip(depth / max(edge, 1.0), 0, 1), np.float32))


def _sized(part: Pixels, ratio: float) -> Pixels:
    size = (max(1, round(part.shape[1] * ratio)), max(1, round(part.shape[0] * ratio)))
    return np.array(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.uint8)
