"""Which files each role needs, and where they lie. Imports no torch, so that the doctor can ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from easyphoto.faces.composed import Role
from easyphoto.paths import Paths


@dataclass(frozen=True)
class WeightFile:
    """A file as the hub publishes it: the model's id there, and the path inside the model."""

    model: str  # owner/name
    name: str

    def path(self, paths: Paths) -> Path:
        """Where it belongs in the data folder."""
        return paths.weights / "modelscope" / self.model / self.name


RETINAFACE = WeightFile("damo/cv_resnet50_face-detection_retinaface", "pytorch_model.pt")
CURRICULAR_FACE = WeightFile("damo/cv_unet-image-face-fusion_damo", "faceRecog/CurricularFace_Backbone.pth")

NEEDED: Mapping[Role, Sequence[WeightFile]] = MappingProxyType(
    {
        Role.DETECT: (RETINAFACE,),
        Role.RECOGNIZE: (CURRICULAR_FACE,),
    }
)
"""Role -> all the files without which it cannot work. Roles that are not named have no network here."""


def missing(paths: Paths) -> dict[Role, tuple[Path, ...]]:
    """Every role there are networks for, with those of its files that are not there."""
    return {
        role: tuple(file.path(paths) for file in files if not file.path(paths).is_file())
        for role, files in NEEDED.items()
    }
