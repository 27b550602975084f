"""What a face wears, found in its picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.fusion.face_crop import CROP_MARGINS, FaceCrop, face_part
from easyphoto.faces.fusion.glasses import glasses_of
from easyphoto.faces.fusion.relight import LOOSE, skin_share
from easyphoto.faces.fusion.stubble import is_stubbly
from easyphoto.faces.wear import Wear


def worn_by(picture: Pixels, mesh: Floats) -> Wear:
    """What the face of that mesh wears; its glasses lie in the picture's pixels."""
    pixels, plane, window = face_part(picture, mesh)
    part = pixels.astype(np.float32)
    skin = skin_share(part, plane.cheeks(), plane.height)
    glasses = glasses_of(plane, part, skin)
    whole = np.zeros(picture.shape[:2], np.float32)
    whole[window.top : window.bottom, window.left : window.right] = glasses.mask
    chin = skin_share(part, plane.cheeks(), plane.height, LOOSE)  # shadow under the lip is no beard
    return Wear(replace(glasses, mask=whole), plane.bearded(chin), is_stubbly(plane, part))


def worn_in(picture: Pixels, mesh: Floats) -> Wear:
    """The same of a face of any size, looked at as large as fusion works on it."""
    crop = FaceCrop.round_face(picture, mesh, CROP_MARGINS)
    wear = worn_by(crop.pixels, crop.mesh)
    return replace(wear, glasses=replace(wear.glasses, mask=crop.laid(wear.glasses.mask)))


def wear_of(source: FusionSource) -> Wear:
    """The same of a photo whose face has a mesh."""
    assert source.face.mesh is not None
    return worn_by(source.picture, source.face.mesh)


def has_glasses(picture: Pixels, mesh: Floats) -> bool:
    """Whether the face of that mesh wears glasses."""
    return worn_by(picture, mesh).glasses.worn
