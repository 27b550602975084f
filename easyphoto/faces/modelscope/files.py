"""Which files each role needs, and where they lie. Imports no torch, so that the doctor can ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from easyphoto.faces.roles import Role
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
U2NET = NetworkFile("u2net", "pytorch_model.pt")
SKIN_UNET = NetworkFile("abpn-generator", "pytorch_model.pt")
BLEMISH_NETS = NetworkFile("abpn-local", "joint_20210926.pth")
BISENET = NetworkFile("bisenet-resnet18", "resnet18.onnx")
GPEN_512 = NetworkFile("gpen-512", "pytorch_model.pt")
GPEN_1024 = NetworkFile("gpen-1024", "GPEN-BFR-1024.pth")
REALESRNET = NetworkFile("realesrnet-x2", "realesrnet_x2.pth")
QUALITY_BACKBONE = NetworkFile("eqface-backbone", "eqface_backbone.pth")
QUALITY_HEAD = NetworkFile("eqface-quality", "eqface_quality.pth")
AEI_NET = NetworkFile("aei-net", "pytorch_model.pt")
FACE_SHAPE = NetworkFile("face-3d", "face_3d.pth")
FACE_MODEL = NetworkFile("bfm-front", "BFM_model_front.mat")
FUSION_ALPHA = NetworkFile("fusion-alpha", "alpha.jpg")
GFPGAN = NetworkFile("gfpgan-1.4", "gfpgan_1.4.onnx")
REALESRGAN = NetworkFile("real-esrgan-x2", "RealESRGAN_x2plus.pth")
YUNET = NetworkFile("yunet", "face_detection_yunet_2023mar.onnx")
RESTOREFORMER = NetworkFile("restoreformer-plus-plus", "restoreformer_plus_plus.onnx")

NEEDED: Mapping[Role, Sequence[NetworkFile]] = MappingProxyType(
    {
        Role.DETECT: (RETINAFACE,),
        Role.RECOGNIZE: (CURRICULAR_FACE,),
        Role.SEGMENT: (U2NET,),
        Role.PARSE: (BISENET,),
        Role.RETOUCH: (SKIN_UNET, BLEMISH_NETS),
        Role.ENHANCE: (GPEN_512, REALESRNET, QUALITY_BACKBONE, QUALITY_HEAD),
        Role.FUSE: (AEI_NET, CURRICULAR_FACE, FACE_SHAPE, FACE_MODEL, FUSION_ALPHA, GPEN_1024),
    }
)
"""Role -> all the files without which it cannot work. Roles that are not named have no network here."""

COMMERCIAL: Mapping[Role, Sequence[NetworkFile]] = MappingProxyType(
    {
        **{role: NEEDED[role] for role in (Role.DETECT, Role.SEGMENT, Role.PARSE, Role.RETOUCH)},
        Role.ENHANCE: (GFPGAN, REALESRGAN),
    }
)
"""The same, of files whose licenses allow commercial use alone."""

TWINS: Mapping[NetworkFile, NetworkFile] = MappingProxyType({RETINAFACE: YUNET, GFPGAN: RESTOREFORMER})
"""Files of `COMMERCIAL` -> what does the same where it alone is there."""


def present(paths: Paths, file: NetworkFile) -> NetworkFile:
    """That file of `COMMERCIAL`, or its twin where only this one is there."""
    twin = TWINS.get(file, file)
    return twin if not file.path(paths).is_file() and twin.path(paths).is_file() else file


def missing(paths: Paths, needed: Mapping[Role, Sequence[NetworkFile]] = NEEDED) -> dict[Role, tuple[Path, ...]]:
    """Every role there are networks for, with those of its files that are not there."""
    return {role: tuple(_absent(file.path(paths) for file in files)) for role, files in needed.items()}


def missing_of_commercial(paths: Paths) -> dict[Role, tuple[Path, ...]]:
    """The same of `COMMERCIAL`, where a twin will do."""
    return {
        role: tuple(_absent(present(paths, file).path(paths) for file in files)) for role, files in COMMERCIAL.items()
    }


def _absent(files: Iterable[Path]) -> Iterable[Path]:
    return (file for file in files if not file.is_file())
