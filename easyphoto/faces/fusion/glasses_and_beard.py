"""What a face wears: glasses, a beard, stubble."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.fusion.face_crop import face_part
from easyphoto.faces.fusion.glasses import Glasses, glasses_of
from easyphoto.faces.fusion.relight import skin_share
from easyphoto.faces.fusion.stubble import is_stubbly


@dataclass(frozen=True, eq=False)
class Wear:
    """What a face wears, laid on the mesh of the portrait."""

    glasses: Glasses
    bearded: bool  # the chin is mostly no skin
    stubble: bool = False  # the jaw is dark and rough

    @property
    def hairy(self) -> bool:
        """Whether the lower face is not shaven."""
        return self.bearded or self.stubble


def worn_by(picture: Pixels, mesh: Floats) -> Wear:
    """What the face of that mesh wears; its glasses lie in the picture's pixels."""
    pixels, plane, window = face_part(picture, mesh)
    part = pixels.astype(np.float32)
    skin = skin_share(part, plane.cheeks(), plane.height)
    glasses = glasses_of(plane, part, skin)
    whole = np.zeros(picture.shape[:2], np.float32)
    whole[window.top : window.bottom, window.left : window.right] = glasses.mask
    return Wear(replace(glasses, mask=whole), plane.bearded(skin), is_stubbly(plane, part))


def wear_of(source: FusionSource) -> Wear:
    """The same of a photo whose face has a mesh."""
    assert source.face.mesh is not None
    return worn_by(source.picture, source.face.mesh)


def has_glasses(picture: Pixels, mesh: Floats) -> bool:
    """Whether the face of that mesh wears glasses."""
    return worn_by(picture, mesh).glasses.worn
