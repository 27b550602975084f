"""Which files each role needs, and where they lie. Imports no torch, so that the doctor can ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from easyphoto.faces.composed import Role
from easyphoto.paths import Paths


@dataclass(frozen=True)
class NetworkFile:
    """A file of the list in `models/weights.toml`."""

    id: str
    name: str

    def path(self, paths: Paths) -> Path:
        """Where it belongs in the data folder."""
        return paths.weights / "faces" / self.id / self.name


RETINAFACE = NetworkFile("retinaface-r50", "pytorch_model.pt")
CURRICULAR_FACE = NetworkFile("curricularface-ir101", "CurricularFace_Backbone.pth")

NEEDED: Mapping[Role, Sequence[NetworkFile]] = MappingProxyType(
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
