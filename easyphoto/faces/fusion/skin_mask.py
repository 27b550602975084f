"""The visible skin of one person in a picture: face, ears, neck, chest, arms and hands.

No net: the face tells the colors of skin, GrabCut (Rother, Kolmogorov and Blake 2004) finds more of them inside the
person's matte at a bounded size, and a guided filter lays the edge along the picture's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from easyphoto.domain import Box, Face, Floats, Pixels
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.builtin.face_parsing import CropWindow, hull, paint
from easyphoto.faces.fusion.hair import hair_of, hair_over_face, plain_skin
from easyphoto.faces.fusion.hairline import with_hairline, with_same_skin
from easyphoto.faces.fusion.person_view import Mask, PersonView, color_gap, person_view
from easyphoto.faces.fusion.skin_tone import features
from easyphoto.faces.fusion.uneven_light import in_uneven_light
from easyphoto.faces.guided_filter import guided_filter, luma

_ABOVE, _ASIDE, _BELOW = 0.8, 4.0, 7.0  # face heights round the face in which its person's skin is looked for
_ROUNDS = 3  # of GrabCut
_ALIKE, _STRANGE = 2.2, 5.0  # color distance that is perhaps skin, and that is none
_DARK, _SHINE_HUE = 60.0, 40.0  # L* of skin up to which shine stands out from it, degrees by which it may turn
_ROUGH = 2.5  # fine contrast, in the skin's own, above which a pixel is hardly skin
_OUTLINE = 0.12  # face widths by which the small mask may end before the skin does: five pixels of the small picture
_HAIRLINE = 0.05  # face widths that skin reaches under thin hair
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_GRAY = 4.0  # chroma of the face under which color tells nothing of skin
_TURNED = 20.0  # degrees of hue between the face and a hand
_LEAST = 0.04  # of the face's width squared; smaller patches of its color are no skin
_EARS = (0.4, 0.72), (-0.15, 0.4)  # across in face widths and down in face heights, from between the eyes
_EAR_HUE, _EAR_CHROMA, _EAR_LIGHT = 35.0, 0.55, 0.55  # degrees from the face's, and shares of it at least: ears are red
_EAR_MATTE, _EAR_REDDER = (
    80,
    -2.0,
)  # of 255, and degrees from the face's hue: mattes lose the rims of ears, which are red
_SHADOW = 0.3  # face widths of the disc by which gaps under the chin are closed
_LOCK = 0.1  # face widths that a lock of hair is wide where it leaves the place of an ear
_THIN = 0.06  # half a finger's width, in face widths


def person_window(box: Box, size: tuple[int, int]) -> CropWindow:
    """The part of a picture of `size` (width, height) in which the person with that face box is looked for."""
    x, height = box.center[0], box.height
    reach = Box(x - _ASIDE * height, box.top - _ABOVE * height, x + _ASIDE * height, box.bottom + _BELOW * height)
    return CropWindow.round_face(reach, size, 1.0)


def visible_skin(
    picture: Pixels,
    face: Face,
    regions: FaceRegions,
    matte: Pixels,
    neighbors: Sequence[Face] = (),
    darker: bool = False,
) -> Floats:
    """H x W, 0..1: how much of each pixel is skin of the person whose face that is. Eyes and lips are left out.

    `darker` says that the skin is to become so; then its rims may take thin hair along.
    `matte` is 255 on all persons; of several the person is what lies nearer to this face than to the `neighbors`.
    """
    own = _own_cell((picture.shape[1], picture.shape[0]), face, neighbors)
    person = np.where(own, np.maximum(matte, regions.face), 0).astype(np.uint8)
    seen = person_view(picture, regions, person, face)
    covered = hair_over_face(seen)
    if covered.any():
        regions = _uncovered(regions, covered)
        seen = person_view(picture, regions, person, face)
    found = _cut_out(seen)
    if found is None:
        return np.zeros(picture.shape[:2], np.float32)
    return np.asarray(_refined(picture, found, regions, person, (face.box.width, darker)) * own, np.float32)


def _uncovered(regions: FaceRegions, covered: Mask) -> FaceRegions:
    """The regions without what hair covers, a mask of the small picture."""
    size = regions.face.shape[1::-1]
    bare = cv2.resize(np.where(covered, np.uint8(0), np.uint8(255)), size, interpolation=cv2.INTER_LINEAR)
    return replace(regions, face=np.minimum(regions.face, bare), skin=np.minimum(regions.skin, bare))


def _own_cell(size: tuple[int, int], face: Face, neighbors: Sequence[Face]) -> Mask:
    """H x W: nearer to this face and the body under it than to any other, measured in face widths; no other face."""
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    own = _away(face.box, x, y)
    cell = np.ones(own.shape, np.bool_)
    for other in neighbors:  # cheek to cheek, the nearer half of a face would be this one's
        outline = [] if other.mesh is None else [hull(other.mesh[:, :2])]
        cell &= (own < _away(other.box, x, y)) & (paint(outline, size) == 0)
    return cell


def _away(box: Box, x: Floats, y: Floats) -> Floats:
    """Distance to the line from the face's middle down to its person's waist, in face widths."""
    (cx, cy), width = box.center, max(box.width, 1.0)
    down = np.clip(y - cy, 0, 3 * box.height)
    return np.asarray(np.hypot(x - cx, y - cy - down) / width, np.float32)


def _cut_out(seen: PersonView) -> Floats | None:
    """0..1 of the small picture; None where the face shows too little skin to tell its color."""
    sure = plain_skin(seen)
    if sure.sum() < 30:
        return None
    labels = _first_guess(seen, sure)
    cv2.setRNGSeed(0)  # its clusters start at random; the same picture has to give the same mask
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(seen.picture, labels, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    skin = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    found = _pieces(skin, seen, sure | ((labels == cv2.GC_FGD) & (seen.regions.skin > 200)))
    more = _ears(seen, sure, found > 0) | _under_chin(seen, sure, found > 0)
    found = np.maximum(found, more)
    return np.asarray(np.maximum(found, in_uneven_light(seen, sure, found > 0)), np.float32)


def _first_guess(seen: PersonView, sure: Mask) -> Pixels:
    """GrabCut's labels: skin by color, hair by its place above the brows, its color and its roughness."""
    gap = color_gap(seen.lab, sure, (0.6, 14.0, 3.0, 3.5))
    rough = seen.rough / max(float(np.median(seen.rough[sure])), 0.6)
    inside = seen.regions.face > 128
    labels = np.full(gap.shape, cv2.GC_PR_BGD, np.uint8)
    labels[((gap < _ALIKE) & (rough < _ROUGH)) | (inside & (seen.regions.skin > 128))] = cv2.GC_PR_FGD
    labels[(gap > _STRANGE) | (seen.matte < 96) | ((rough > 1.6 * _ROUGH) & ~inside)] = cv2.GC_BGD
    forehead = _forehead(seen, sure, rough)
    hair = hair_of(seen, sure, gap, rough) & ~inside
    labels[hair] = cv2.GC_BGD
    glaring = seen.lab[..., 0] > np.median(seen.lab[sure][:, 0]) + 40  # a light shirt under a dark face
    labels[glaring & ~inside & ~forehead] = cv2.GC_BGD
    colored = float(np.hypot(*np.median(seen.lab[sure], axis=0)[1:])) > _GRAY
    close = (seen.regions.skin > 200) & (gap < _ALIKE) | colored & (gap < 0.8)
    neck = close & (rough < 1.4) & ~hair & (seen.matte > 200)
    labels[sure | neck | (inside & (gap < 1) & (rough < 1.4)) | forehead] = cv2.GC_FGD
    labels[features(seen.regions) > 128] = cv2.GC_BGD
    return labels


def _forehead(seen: PersonView, sure: Mask, rough: Floats) -> Mask:
    """Smooth skin over the oval that hangs together with the forehead's and has its very color: up to the hairline."""
    y, x = np.ogrid[: rough.shape[0], : rough.shape[1]]
    brows = float(seen.points[:2, 1].mean()) - 0.12 * seen.box.height
    over = (y < brows) & (y > seen.box.top - 0.3 * seen.box.height)
    over = over & (np.abs(x - seen.box.center[0]) < 0.5 * seen.box.width)
    known = sure & over
    if known.sum() < 20:
        return known
    dark = float(np.median(seen.lab[known][:, 0])) / 70  # on dark skin a few units of lightness are hair already
    gap = color_gap(seen.lab, known, (1.0, 8.0 * min(1.0, dark**1.5), 2.0, 3.0))
    shine = (seen.lab[..., 0] > 85) & (gap < 3.5)  # nearly white, and yet skin
    alike = over & (((rough < 1.5) & ((gap < 1.7) | shine)) | _shining(seen.lab, known, rough)) & (seen.matte > 96)
    _, labels = cv2.connectedComponents(cv2.morphologyEx((alike | known).astype(np.uint8), cv2.MORPH_OPEN, _CROSS))
    held = np.unique(labels[known])
    skin = np.isin(labels, held[held > 0]).astype(np.uint8)
    side = 2 * round(0.07 * seen.box.width) + 1
    return np.asarray(cv2.morphologyEx(skin, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)) > 0) & over


def _shining(lab: Floats, known: Mask, rough: Floats) -> Mask:
    """bool H x W: shine on dark skin, a mixture of its color and white, whose pores are as much rougher as brighter."""
    usual = np.median(lab[known], axis=0)
    if usual[0] > _DARK:
        return np.zeros(lab.shape[:2], np.bool_)
    chroma, hue = np.hypot(lab[..., 1], lab[..., 2]), np.arctan2(lab[..., 2], lab[..., 1])
    mixed = np.hypot(*usual[1:]) * (100 - lab[..., 0]) / (100 - usual[0])
    turned = np.abs(np.degrees(hue - np.arctan2(usual[2], usual[1])))
    alike = (chroma > 0.35 * mixed) & (chroma < 1.6 * mixed + 4) & (turned < _SHINE_HUE)
    return np.asarray(alike & (lab[..., 0] > usual[0]) & (rough < _ROUGH * lab[..., 0] / usual[0]), np.bool_)


def _ears(seen: PersonView, sure: Mask, skin: Mask) -> Mask:
    """Ears beside the face: redder, darker or more lit than it, which GrabCut takes for something else."""
    usual = np.median(seen.lab[sure], axis=0)
    chroma, hue = np.hypot(seen.lab[..., 1], seen.lab[..., 2]), np.arctan2(seen.lab[..., 2], seen.lab[..., 1])
    own = float(np.hypot(*usual[1:]))
    if own < _GRAY:
        return np.zeros(sure.shape, np.bool_)
    turned = np.degrees(hue - np.arctan2(usual[2], usual[1]))
    like = (chroma > _EAR_CHROMA * own) & (np.abs(turned) < _EAR_HUE)
    person = (seen.matte > _EAR_MATTE) | ((turned < _EAR_REDDER) & (chroma > own))
    like &= (seen.lab[..., 0] > _EAR_LIGHT * usual[0]) & (seen.rough < 2 * _ROUGH * np.median(seen.rough[sure]))
    zone, border = _beside(seen)
    side = 2 * round(0.04 * seen.box.width) + 1  # the shadow inside an ear
    square = np.ones((side, side), np.uint8)
    new = (like & zone & person & ~skin).astype(np.uint8)
    _, labels = cv2.connectedComponents(cv2.morphologyEx(new, cv2.MORPH_CLOSE, square))
    held = np.unique(labels[cv2.dilate(skin.astype(np.uint8), square) > 0])
    short = [one for one in held if one and (labels[border] == one).sum() < _LOCK * seen.box.width]
    return np.isin(labels, short)


def _under_chin(seen: PersonView, sure: Mask, skin: Mask) -> Mask:
    """What is dark between skin and skin about the jaw: its shadow, and a collar's reflex in it."""
    y, x = np.ogrid[: skin.shape[0], : skin.shape[1]]
    height, width = seen.box.height, seen.box.width
    near = (np.abs(x - seen.box.center[0]) < 0.5 * width) & (np.abs(y - seen.box.bottom) < 0.15 * height)
    dark = seen.lab[..., 0] < np.median(seen.lab[sure][:, 0])
    side = 2 * round(_SHADOW * width / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    return np.asarray(closed & near & dark & ~skin & (seen.matte > 240) & (features(seen.regions) < 64), np.bool_)


def _beside(seen: PersonView) -> tuple[Mask, Mask]:
    """bool H x W: where the ears of an upright or tilted face can be, and the far border of it, which hair crosses."""
    across = seen.points[1] - seen.points[0]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    y, x = np.mgrid[: seen.lab.shape[0], : seen.lab.shape[1]]
    (cx, cy), middle = seen.box.center, seen.points[:2].mean(0)
    aside = np.abs((x - cx) * across[0] + (y - cy) * across[1]) / seen.box.width
    down = ((y - middle[1]) * across[0] - (x - middle[0]) * across[1]) / seen.box.height
    (inner, outer), (top, bottom) = _EARS
    zone = (aside > inner) & (aside < outer) & (down > top) & (down < bottom)
    core = (aside < outer - 0.02) & (down > top + 0.02) & (down < bottom - 0.02)
    return np.asarray(zone, np.bool_), np.asarray(zone & ~core, np.bool_)


def _pieces(mask: Mask, seen: PersonView, sure: Mask) -> Floats:
    """The connected pieces of `mask` that hold sure skin, or have its hue and chroma and the size of a hand."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    lab, width = seen.lab, seen.box.width
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    a, b = np.median(lab[sure], axis=0)[1:]
    kept = np.zeros(len(stats), np.float32)
    for number in range(1, len(stats)):
        piece = labels == number
        its_a, its_b = np.median(lab[piece], axis=0)[1:]
        turned = abs(np.degrees(np.arctan2(its_b, its_a) - np.arctan2(b, a)))
        like = turned < _TURNED and np.hypot(its_a, its_b) > max(_GRAY, 0.55 * np.hypot(a, b))
        large = stats[number, cv2.CC_STAT_AREA] >= _LEAST * width**2 and depth[piece].max() > _THIN * width
        kept[number] = bool(sure[piece].any()) or (like and large)
    return np.asarray(kept[labels], np.float32)


def _refined(part: Pixels, found: Floats, regions: FaceRegions, person: Pixels, rim: tuple[float, bool]) -> Floats:
    """The small mask at full size, its edge on the picture's, the face filled and its features taken out."""
    size, (width, darker) = (part.shape[1], part.shape[0]), rim
    rough = np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR), np.float32)
    inside = np.minimum(regions.face, features(regions)) / np.float32(255)
    rough = np.maximum(rough, inside)  # else a rim of skin round each feature would stay as it was
    fine = guided_filter(luma(part), rough, max(1, round(0.03 * width)), 4e-4, 1024)
    share = np.maximum(np.clip((fine - 0.15) / 0.7, 0, 1), inside)
    grown = with_same_skin(part, np.asarray(share, np.float32), max(3.0, _OUTLINE * width))
    grown = with_hairline(part, grown, max(2.0, _HAIRLINE * width), darker)
    share = np.maximum(share, grown * (person / np.float32(255)))  # a brown wall has the color of skin, too
    keep = 1 - np.maximum(regions.eyes, regions.lips) / np.float32(255)
    return np.asarray(share * keep, np.float32)
