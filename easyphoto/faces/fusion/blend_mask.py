"""Where one face is moved into another: the region, what keeps out of it, and its soft edge.

All masks are float32 H x W, 0..1; `mesh` is (468, 3) in their pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from builtin_model.mesh_indices import BROWS, EYES, LIPS, NOSE, OVAL
from easyphoto.domain import Floats
from easyphoto.faces.builtin.face_parsing import grown, hull, paint
from easyphoto.faces.geometry import CHIN, FOREHEAD

_NOSTRILS = (98, 97, 2, 326, 327, 294, 278, 440, 4, 220, 48, 64)
_CHIN_PATCH = (32, 140, 176, 148, 152, 377, 400, 369, 262, 428, 199, 208)
_UNDER_BROWS = (127, 124, 46, 53, 52, 65, 55, 8, 285, 295, 282, 283, 276, 353, 356)
"""From temple to temple along the lower rim of the brows."""
CHEEKS = ((50, 101, 118, 117, 123, 187, 205, 36), (280, 330, 347, 346, 352, 411, 425, 266))


@dataclass(frozen=True)
class BlendMask:
    """A face seen in a picture of `size` (width, height); lengths are in its height."""

    mesh: Floats
    size: tuple[int, int]

    @property
    def height(self) -> float:
        """Face height in pixels."""
        return float(np.linalg.norm(self.mesh[CHIN, :2] - self.mesh[FOREHEAD, :2]))

    def polygon(self, points: Floats | tuple[int, ...], ratio: float = 1.0) -> Floats:
        """A filled polygon, by mesh indices or by (n, 2) points."""
        where = self.mesh[list(points), :2] if isinstance(points, tuple) else points
        painted = paint([grown(where.astype(np.float64), ratio)], self.size)
        return np.asarray(painted * np.float32(1 / 255), np.float32)

    def around(self, *groups: tuple[int, ...]) -> Floats:
        """The convex outline of all the named points, filled."""
        indices = [i for group in groups for i in group]
        return self.polygon(np.asarray(hull(self.mesh[indices, :2]), np.float32))

    def grow(self, mask: Floats, heights: float) -> Floats:
        """Grown (or shrunk, when negative) by that many face heights."""
        radius = max(1.0, abs(heights) * self.height)
        coarse = max(1, int(radius // 4))  # large discs are slow, and a soft mask has no fine detail to lose
        small = _resized(mask, (max(1, self.size[0] // coarse), max(1, self.size[1] // coarse)))
        side = 2 * round(radius / coarse) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        grown_mask = (cv2.dilate if heights > 0 else cv2.erode)(small, disc)
        return _resized(np.asarray(grown_mask, np.float32), self.size)

    def soft(self, mask: Floats, heights: float) -> Floats:
        """Blurred by that many face heights."""
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5, heights * self.height)), np.float32)

    def features(self) -> Floats:
        """Eyes, brows, nostrils and mouth with a small margin: what is no plain skin on any face."""
        parts = [self.polygon(part) for part in (*EYES, LIPS, _NOSTRILS)]
        parts += [self.around(brow) for brow in BROWS]
        return self.grow(np.maximum.reduce(parts), 0.015)

    def sockets(self) -> Floats:
        """Lids, brows and what lies between them, without the open eyes; soft."""
        around = self.grow(np.maximum.reduce([self.around(e, b) for e, b in zip(EYES, BROWS, strict=True)]), 0.03)
        eyes = self.grow(np.maximum(*(self.polygon(eye) for eye in EYES)), 0.004)
        return self.soft(around * (1 - eyes), 0.008)

    def cheeks(self) -> Floats:
        """Skin on any face: free of hair, beard and eyes."""
        return np.maximum(*(self.around(cheek) for cheek in CHEEKS))

    def skin_field(self) -> Floats:
        """The oval drawn in, without features: where skin is looked for and light is measured."""
        inner = self.grow(self.polygon(OVAL), -0.05)
        return np.asarray(inner * (1 - self.features()), np.float32)

    def skin_and_nose(self) -> Floats:
        """The oval without eyes, brows and mouth, soft: the nose's end, which `skin_field` leaves out, is skin too."""
        parts = [*(self.polygon(part) for part in (*EYES, LIPS)), *(self.around(brow) for brow in BROWS)]
        inner = self.grow(self.polygon(OVAL), -0.05)
        return self.soft(inner * (1 - self.grow(np.maximum.reduce(parts), 0.02)), 0.01)

    def bearded(self, skin: Floats) -> bool:
        """Whether the chin is mostly not skin."""
        chin = self.around(_CHIN_PATCH)
        return float((skin * chin).sum()) < 0.5 * float(chin.sum())

    def below_mouth_line(self) -> Floats:
        """1 under the nose, 0 over it, across the face's own axis."""
        return self.along(self.mesh[2, :2], 0.05)

    def along(self, origin: Floats, width: float) -> Floats:
        """0 before `origin`, 1 behind it, going from forehead to chin."""
        down = self.mesh[CHIN, :2] - self.mesh[FOREHEAD, :2]
        down = down / max(float(np.linalg.norm(down)), 1e-6)
        x, y = np.meshgrid(np.arange(self.size[0], dtype=np.float32), np.arange(self.size[1], dtype=np.float32))
        along = (x - origin[0]) * down[0] + (y - origin[1]) * down[1]
        return np.asarray(np.clip(along / (width * self.height) + 0.5, 0, 1), np.float32)

    def region(self, forehead: float, inset: float) -> Floats:
        """The oval, shrunk by `inset`, up to `forehead` of the way from the brows to the hairline."""
        rim = self.mesh[list(OVAL), :2]
        brow = self.mesh[[105, 334], :2].mean(0)
        up = self.mesh[FOREHEAD, :2] - brow
        reach = max(float(np.linalg.norm(up)), 1e-6)
        up = up / reach
        over = (rim - brow) @ up
        bent = forehead * reach * np.tanh(np.maximum(over, 0) / (forehead * reach))
        lowered = rim - np.maximum(over - bent, 0)[:, None] * up
        return self.grow(self.polygon(lowered.astype(np.float32)), -inset)


def _resized(mask: Floats, size: tuple[int, int]) -> Floats:
    if mask.shape == (size[1], size[0]):
        return mask
    kind = cv2.INTER_AREA if size[0] < mask.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, size, interpolation=kind), np.float32)


def blend_region(plane: BlendMask, person_skin: Floats, template_skin: Floats, fringe: float = 0.0) -> Floats:
    """The soft mask 0..1 of the person's face over the template's.

    `fringe` is 0..1, whether strands of the person's hair hang over the brows.

    `person_skin` and `template_skin` are skin shares of the two aligned faces. Hair or fingers of
    the template that lie over its cheek or forehead stay; the person's fringe does not come along. Beards do.
    """
    core = plane.soft(plane.grow(plane.around(*EYES, NOSE, LIPS), 0.02), 0.015)
    lower = plane.below_mouth_line()
    theirs = _clear(plane, template_skin)
    theirs = np.maximum(theirs, lower * float(plane.bearded(template_skin)))
    own = _clear(plane, person_skin)
    bare = [_bare(plane, brow, person_skin) for brow in BROWS]  # a fringe hides brows: the template's are cleaner
    seen = [
        1 - max(fringe, _fringed([share])) for share in bare
    ]  # brows of two people would not match: a brow is seen or not
    brows = np.maximum(*(share * plane.around(brow) for share, brow in zip(seen, BROWS, strict=True)))
    brows = plane.soft(plane.grow(brows.astype(np.float32), 0.012), 0.008)
    own = np.maximum(np.maximum(own, brows), lower * float(plane.bearded(person_skin)))
    free = np.maximum(core, np.minimum(np.maximum(theirs, brows), own))
    hidden = plane.soft(plane.grow(_from_brows_up(plane), 0.012), 0.012) * max(fringe, _fringed(bare))
    mask = plane.soft(plane.region(0.15 + 0.45 * min(bare), 0.035) * free * (1 - hidden), 0.022)
    return np.asarray(np.clip(mask * plane.polygon(OVAL), 0, 1), np.float32)


def _fringed(bare: list[float]) -> float:
    """0..1: whether a fringe hides one of the brows; brows of two people would not match."""
    return float(np.clip((0.25 - min(bare)) / 0.2, 0, 1))


def _from_brows_up(plane: BlendMask) -> Floats:
    """1 on the brows and over them: where a person's fringe hangs down, brows and forehead are the template's."""
    rim = plane.mesh[list(_UNDER_BROWS), :2]
    up = plane.mesh[FOREHEAD, :2] - plane.mesh[CHIN, :2]
    return plane.polygon(np.concatenate([rim, rim[::-1] + up]))


def _bare(plane: BlendMask, brow: tuple[int, ...], skin: Floats) -> float:
    """0..1: how free of hair the forehead just above the brow is."""
    up = (plane.mesh[FOREHEAD, :2] - plane.mesh[CHIN, :2]) * np.float32(0.06)
    above = plane.polygon(np.asarray(hull(plane.mesh[list(brow), :2] + up), np.float32))
    above = above * (1 - plane.grow(plane.around(brow), 0.012))
    clear = float((above * skin).sum() / max(float(above.sum()), 1e-6))
    return float(np.clip((clear - 0.35) / 0.3, 0, 1))


def _clear(plane: BlendMask, skin: Floats) -> Floats:
    """Skin without specks, holes the size of a mole or a glint closed."""
    closed = plane.grow(plane.grow(skin, 0.02), -0.02)
    return plane.soft(plane.grow(closed, -0.006), 0.008)
