"""The person's face in a template by AEI-Net, made sharp by GPEN-1024."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.errors import BadModel, MissingModel, NoFace
from easyphoto.faces.arc_face import ARC_FACE
from easyphoto.faces.base import FusionResult, FusionSource, FusionTarget, Prepare
from easyphoto.faces.builtin.onnx_net import blob_of, pixels_of, warp
from easyphoto.faces.fusion.fit import soft_note
from easyphoto.faces.fusion.source_selection import candidates
from easyphoto.faces.geometry import Array, five_points, similarity_transform
from easyphoto.faces.modelscope.aei_net import AeiNet, folded
from easyphoto.faces.modelscope.curricular_face import SIDE as IDENTITY_SIDE
from easyphoto.faces.modelscope.curricular_face import CurricularFace
from easyphoto.faces.modelscope.face_alignment import laid_back, rectangle
from easyphoto.faces.modelscope.face_shape import SIDE as SHAPE_SIDE
from easyphoto.faces.modelscope.face_shape import FaceShapeNet, JawModel, fused_coefficients
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.restorer import GpenRestorer
from easyphoto.faces.modelscope.weights import filled, read_tensors

_SIDE = 256
_ROOM = 0.85  # ArcFace's points are drawn together that much about the middle
_SOFTER = ((40.0, 4), (100.0, 2))  # shorter side of the face in pixels -> by how much the sharp face is shrunk again


@dataclass(frozen=True)
class FusionFiles:
    """Where the parts lie."""

    generator: Path
    identity: Path
    shape: Path
    model: Path  # the morphable one
    alpha: Path  # picture of how much of the crop is laid back


class FaceFuser:
    """Runs the networks one after the other."""

    def __init__(self, files: FusionFiles, sharp: GpenRestorer, device: torch.device) -> None:
        self._files, self._sharp = files, sharp
        self.network = LazyNetwork(
            lambda: filled(AeiNet, folded(read_tensors(files.generator, "state_dict")), files.generator), device
        )
        self._identity = LazyNetwork(
            lambda: filled(CurricularFace, read_tensors(files.identity), files.identity), device
        )
        self._shape = LazyNetwork(
            lambda: filled(FaceShapeNet, read_tensors(files.shape, "net_recon"), files.shape), device
        )
        self._jaw: JawModel | None = None

    def release(self) -> None:
        """Forget the networks."""
        for network in (self.network, self._identity, self._shape, self._sharp):
            network.release()
        self._jaw = None

    def fuse(
        self, target: FusionTarget, sources: Sequence[FusionSource], share: float, prepare: Prepare
    ) -> FusionResult:
        """The best source's face in that of `target`, `share` 0..1 of the way.

        Raises NoFace where no source has a mesh.
        """
        template, face = target.picture, target.face
        if face.mesh is None:
            raise NoFace("fusion.no-mesh", stage="fusion")
        choices = candidates(template, face, sources)
        if not choices:
            raise NoFace("fusion.no-source", stage="fusion")
        best = choices[0]
        source = prepare(best.source)
        own, matrix = fusion_crop(template, five_points(face.mesh))
        theirs, _ = fusion_crop(source.picture, source.face.points)
        fused = self._fused(own, theirs)
        alpha = read_alpha(self._files.alpha)
        made, mask = laid_back(template, fused, matrix, alpha)
        made = self._made_sharp(made, face)
        picture, touched = dissolved(template, made, mask, share)
        return FusionResult(picture, touched, best.index, best.gap, soft_note(sources[best.index]))

    def _fused(self, own: Pixels, theirs: Pixels) -> Pixels:
        """The template's 256 x 256 face with the person's identity."""
        faces = torch.from_numpy(np.concatenate([blob_of(one, -1, 1) for one in (own, theirs)]))
        outlines = self._outlines(faces)
        identity = self._vector(faces[1:])
        with self.network.working() as network:
            device = self.network.device
            made = network(*(one.to(device) for one in (faces[:1], identity, *outlines)))[0].permute(1, 2, 0).cpu()
        return pixels_of(made.numpy())

    def _vector(self, face: Tensor) -> Tensor:
        small = functional.interpolate(face, (IDENTITY_SIDE, IDENTITY_SIDE), mode="bilinear", align_corners=True)
        with self._identity.working() as network:
            return network(small.to(self._identity.device)).cpu()  # type: ignore[no-any-return]

    def _outlines(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 17, 2) of the fused face and of the template's."""
        self._jaw = self._jaw or JawModel.read(self._files.model)
        light = faces * 0.5 + 0.5
        small = functional.interpolate(light, (SHAPE_SIDE, SHAPE_SIDE), mode="bilinear", align_corners=False)
        with self._shape.working() as network:
            own, theirs = network(small.to(self._shape.device)).cpu().numpy()
        rows = (self._jaw.outline(one) for one in (fused_coefficients(theirs, own), own))
        wanted, still = (torch.from_numpy(one)[None] for one in rows)
        return wanted, still

    def _made_sharp(self, picture: Pixels, face: Face) -> Pixels:
        assert face.mesh is not None
        _, sharp, matrix = self._sharp.restored(picture, five_points(face.mesh))
        soft = softened_for(sharp, min(face.box.width, face.box.height))
        return laid_back(picture, soft, matrix, rectangle(len(soft)))[0]


def fusion_crop(picture: Pixels, points: Floats) -> tuple[Pixels, Array]:
    """The 256 x 256 face that the generator sees, and the matrix picture -> crop."""
    middle = IDENTITY_SIDE / 2
    places = ((ARC_FACE - middle) * _ROOM + middle) * (_SIDE / IDENTITY_SIDE)
    matrix = similarity_transform(points, places)
    return warp(picture, matrix, _SIDE), matrix


def softened_for(face: Pixels, side: float) -> Pixels:
    """A sharp face as soft as one of `side` pixels should be: finer than its surroundings it would look pasted in."""
    shrink = next((by for least, by in _SOFTER if side < least), 1)
    if shrink == 1:
        return face
    size = len(face) // shrink
    small = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (len(face), len(face)), interpolation=cv2.INTER_LINEAR), np.uint8)


def dissolved(template: Pixels, made: Pixels, mask: Floats, share: float) -> tuple[Pixels, Pixels]:
    """(`made` over the template by `share` where `mask` (0..1) is not 0, uint8 mask); other pixels stay bit for bit."""
    touched = np.asarray(np.ceil(np.clip(mask, 0, 1) * 255), np.uint8)
    mixed = template + (made.astype(np.float32) - template) * np.float32(share)
    picture = np.where(touched[..., None] > 0, np.rint(np.clip(mixed, 0, 255)).astype(np.uint8), template)
    return np.asarray(picture, np.uint8), touched


def read_alpha(file: Path) -> Floats:
    """(256, 256) of 0..1, 0 at the rim. Raises MissingModel, BadModel."""
    if not file.is_file():
        raise MissingModel("modelscope.missing", stage="load face models", file=str(file))
    gray = cv2.imdecode(np.frombuffer(file.read_bytes() or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise BadModel("modelscope.damaged", stage="load face models", file=str(file))
    return np.asarray(cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
