"""Control pictures for ControlNets: edges, pose of faces, colour blocks, softened picture; RGB in, RGB out."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from easyphoto.domain import Face, HintKind

_CANNY = (100, 200)
_COLOR_SHORT_SIDE = 1024  # the colour ControlNet was trained with blocks of 24 px at about this size
_COLOR_MULTIPLE = 64
_COLOR_BLOCK = 24
_COARSE_BLOCK = 64
_TILE_SHRINK = 2

Annotator = Callable[[Image.Image, Sequence[Face]], Image.Image]


def control_image(kind: HintKind, picture: Image.Image, faces: Sequence[Face]) -> Image.Image:
    """The control picture of that kind; `faces` are in the picture's pixels and matter for POSE only."""
    return _ANNOTATORS[kind](picture.convert("RGB"), faces)


def _canny(picture: Image.Image, faces: Sequence[Face]) -> Image.Image:
    """White edges on black (Canny 1986, thresholds 100 and 200)."""
    import cv2

    return Image.fromarray(cv2.Canny(np.asarray(picture), *_CANNY)).convert("RGB")


def _color(picture: Image.Image, faces: Sequence[Face]) -> Image.Image:
    """The picture in flat blocks: short side brought to about 1024, one colour per 24 x 24 block there."""
    scale = _COLOR_SHORT_SIDE / min(picture.size)
    width, height = (_multiple(side * scale) for side in picture.size)
    blocks = max(1, width // _COLOR_BLOCK), max(1, height // _COLOR_BLOCK)
    small = picture.resize((width, height), Image.Resampling.LANCZOS).resize(blocks, Image.Resampling.BOX)
    large = small.resize((width, height), Image.Resampling.NEAREST)
    return large.resize(picture.size, Image.Resampling.BOX)


def coarse_color(picture: Image.Image) -> Image.Image:
    """A color hint in blocks of 64 px, as T2I-Adapter's color (Mou et al. 2023) was trained on: finer ones would carry
    the template's own face over."""
    blocks = max(1, picture.width // _COARSE_BLOCK), max(1, picture.height // _COARSE_BLOCK)
    return picture.resize(blocks, Image.Resampling.BOX).resize(picture.size, Image.Resampling.NEAREST)


def _multiple(side: float) -> int:
    return max(_COLOR_MULTIPLE, round(side / _COLOR_MULTIPLE) * _COLOR_MULTIPLE)


def _tile(picture: Image.Image, faces: Sequence[Face]) -> Image.Image:
    """The picture without its finest detail, which the ControlNet is to invent anew."""
    small = tuple(max(1, side // _TILE_SHRINK) for side in picture.size)
    return picture.resize((small[0], small[1]), Image.Resampling.BOX).resize(picture.size, Image.Resampling.BICUBIC)


def _pose(picture: Image.Image, faces: Sequence[Face]) -> Image.Image:
    """OpenPose's drawing of faces on black: white dots of the 68 contour points and pupils, and the head's limbs."""
    drawn = Image.new("RGB", picture.size)
    pencil = ImageDraw.Draw(drawn)
    for face in faces:
        _draw_head(pencil, face)
        if face.mesh is not None:
            _draw_dots(pencil, face)
    return drawn


def _draw_head(pencil: ImageDraw.ImageDraw, face: Face) -> None:
    """Nose, eyes and, from the mesh, ears: coloured limbs and joints as in the 18-point body model."""
    width = max(2, round(face.box.width / 40))
    joints = {0: face.points[2], 14: face.points[0], 15: face.points[1]}  # image left is the person's right: 14
    if face.mesh is not None:
        joints |= {16: face.mesh[_EARS[0], :2], 17: face.mesh[_EARS[1], :2]}
    for limb, (start, end) in _HEAD_LIMBS.items():
        if start in joints and end in joints:
            pencil.line([*map(tuple, (joints[start], joints[end]))], fill=_dimmed(limb), width=width)
    for joint, (x, y) in joints.items():
        pencil.ellipse((x - width, y - width, x + width, y + width), fill=_hue(joint))


def _draw_dots(pencil: ImageDraw.ImageDraw, face: Face) -> None:
    if face.mesh is None:
        return
    radius = max(1.0, face.box.width / 120)
    dots = [*face.mesh[list(_CONTOUR), :2], *(face.mesh[list(ring), :2].mean(0) for ring in _EYE_RINGS)]
    for x, y in dots:
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 255))


def _hue(index: int) -> tuple[int, int, int]:
    """OpenPose's colours: 18 hues round the circle."""
    red, green, blue = colorsys.hsv_to_rgb(index / 18, 1.0, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _dimmed(index: int) -> tuple[int, int, int]:
    red, green, blue = (round(value * 0.6) for value in _hue(index))
    return red, green, blue


# Limb number -> its two joints: nose-eye and eye-ear on both sides.
_HEAD_LIMBS = {13: (0, 14), 14: (14, 16), 15: (0, 15), 16: (15, 17)}

# MediaPipe mesh indices: the side of the face at the ear, on the picture's left and right.
_EARS = (234, 454)

# The 68 points of iBUG's scheme in mesh indices: jaw, brows, nose, eyes, outer and inner lips.
_CONTOUR = (
    *(234, 93, 132, 58, 172, 150, 176, 148, 152, 377, 400, 379, 397, 288, 361, 323, 454),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)

_EYE_RINGS = ((33, 133, 159, 145, 158, 153), (263, 362, 386, 374, 385, 380))

_ANNOTATORS: dict[HintKind, Annotator] = {
    HintKind.CANNY: _canny,
    HintKind.POSE: _pose,
    HintKind.COLOR: _color,
    HintKind.TILE: _tile,
}
