"""The toolbox that ships with the program: small networks, CPU, no download."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np

from easyphoto.domain import Box, Face, Floats, Pixels
from easyphoto.faces.base import FaceRegions, FusionResult, FusionSource, FusionTarget, Prepare, Recognizer, unprepared
from easyphoto.faces.builtin.detector import Candidate, FaceFinder
from easyphoto.faces.builtin.enhancer import FaceEnhancer
from easyphoto.faces.builtin.face_parsing import CropWindow, face_regions, placed_regions
from easyphoto.faces.builtin.mesh import FittedMesh, MeshNet
from easyphoto.faces.builtin.person_segmentation import PersonSegmenter
from easyphoto.faces.builtin.recognizer import DLIB, ResNet29
from easyphoto.faces.builtin.retouch import smooth_skin
from easyphoto.faces.builtin.sharpen import sharpen
from easyphoto.faces.geometry import box_of, five_points, left_to_right, pose_from_mesh
from easyphoto.faces.wear import Wear
from easyphoto.paths import Paths

_DETECT_SIDE = 1024  # longer side on which faces are looked for
_REGION_SIDE = 1024  # longer side of the part on which masks are made
_MESH_CONFIRMS = 0.9  # mesh score that makes a face of a box only one net saw
_STEPS = (-0.15, 0.15)  # of the box's side
_MESH_DENIES = 0.1  # mesh score under which even two nets are not believed
_MUCH_DARKER = 15.0  # L*: from here on a rim that kept its light would glow


class BuiltinToolbox:
    """A `FaceToolbox` on the files in `paths.face_models`. Nets load at first use; a lock lets any thread call."""

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.face_models
        self._lock = threading.RLock()

    @property
    def recognizer(self) -> Recognizer:
        """How to read distances."""
        return DLIB

    @cached_property
    def _finder(self) -> FaceFinder:
        return FaceFinder(self._folder)

    @cached_property
    def _mesh(self) -> MeshNet:
        return MeshNet(self._folder)

    @cached_property
    def _matte(self) -> PersonSegmenter:
        return PersonSegmenter(self._folder)

    @cached_property
    def _resnet(self) -> ResNet29:
        return ResNet29(self._folder)

    @cached_property
    def _enhancer(self) -> FaceEnhancer:
        return FaceEnhancer(self._folder)

    def detect(self, picture: Pixels) -> list[Face]:
        """Faces from left to right; `box` is the smallest upright box round the mesh: hairline to chin, ear to ear."""
        small, ratio = shrink(picture, _DETECT_SIDE)
        with self._lock:
            faces = self._meshed(picture, self._finder.whole(small), ratio)
            looks = iter(self._finder.retries(small))
            while not faces and (found := next(looks, None)) is not None:
                faces = self._meshed(picture, found, ratio)
        return left_to_right(faces)

    def embed(self, picture: Pixels, face: Face) -> Floats:
        """The face's (128,) vector."""
        return np.asarray(self.embed_all(picture, [face])[0], np.float32)

    def embed_all(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        """(n, 128) for n faces of one picture, in one go."""
        if not faces:
            return np.zeros((0, 128), np.float32)
        with self._lock:
            return self._resnet.embed(picture, [face.points for face in faces])

    def matte(self, picture: Pixels) -> Pixels:
        """uint8 H x W, 255 = person."""
        with self._lock:
            return self._matte.matte(picture)

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        """Masks of that face, 0 outside three face boxes."""
        size = (picture.shape[1], picture.shape[0])
        window = CropWindow.round_face(face.box, size)
        part, ratio = shrink(window.cut(picture), _REGION_SIDE)
        mesh = (self._points_of(picture, face) - np.array([window.left, window.top, 0], np.float32)) / np.float32(ratio)
        return placed_regions(face_regions(part, mesh, self.matte(part)), window, size)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        """Blemishes smoothed on skin, colour kept; ratio 0..1."""
        window = CropWindow.round_face(face.box, (picture.shape[1], picture.shape[0]))
        skin = window.cut(self.regions(picture, face).skin)
        out = picture.copy()
        window.cut(out)[:] = smooth_skin(window.cut(picture), skin, face.box.width, ratio)
        return out

    def skin_tone(self, picture: Pixels, face: Face) -> Floats | None:
        """(3,) CIE L*a*b* of the face's evenly lit skin; None where too little of it is seen."""
        from easyphoto.faces.fusion.skin_tone import skin_tone

        return skin_tone(picture, self.regions(picture, face), self._points_of(picture, face))

    def retone(self, picture: Pixels, face: Face, neighbors: Sequence[Face], tone: Floats) -> Pixels:
        """The visible skin of that face's person brought to `tone` as it looks in the picture's light."""
        from easyphoto.faces.fusion.forehead_light import with_even_forehead
        from easyphoto.faces.fusion.skin_mask import person_window, visible_skin
        from easyphoto.faces.fusion.skin_tone import in_light_of, retoned, skin_tone, without_brows

        window = person_window(face.box, (picture.shape[1], picture.shape[0]))
        part = np.ascontiguousarray(window.cut(picture))
        here, *others = (_shifted(one, window) for one in (face, *neighbors))
        seen = self.regions(part, here)
        mesh = self._points_of(part, here)
        own = skin_tone(part, seen, mesh)
        if own is None:
            return picture
        tones = own, in_light_of(tone, own)
        share = visible_skin(
            part, here, seen, self.matte(part), others, darker=bool(own[0] - tones[1][0] > _MUCH_DARKER)
        )
        share = without_brows(share, seen.brows, tones)
        out = picture.copy()
        toned = retoned(part, share, tones, 0.012 * face.box.width)
        window.cut(out)[:] = with_even_forehead(toned, mesh, share, tones)
        return out

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        """Enlarged `scale` times with detail boosted."""
        return sharpen(picture, scale)

    def enhance(self, photo: FusionSource) -> FusionSource:
        """A face of 100 to 300 pixels made crisp and 480 wide; other photos as they are."""
        with self._lock:
            return self._enhancer.enhance(photo)

    def worn(self, picture: Pixels, face: Face) -> Wear:
        """Glasses, beard and stubble of that face."""
        from easyphoto.faces.fusion.glasses_and_beard import worn_in

        return worn_in(picture, self._points_of(picture, face))

    def fuse(
        self,
        target: FusionTarget,
        sources: Sequence[FusionSource],
        share: float = 1.0,
        prepare: Prepare = unprepared,
    ) -> FusionResult:
        """The best source's face moved into the face of `target`; raises NoFace where none fits the template's pose."""
        from easyphoto.faces.fusion.fuse import FusionSettings, fuse

        now = replace(target, face=self._as_it_is(target.picture, target.face))
        return fuse(now, sources, self, FusionSettings(share=share), prepare)

    def mesh_at(self, picture: Pixels, box: Box, roll: float) -> FittedMesh:
        """The mesh of the face in `box`, turned by `roll` degrees, whoever found it."""
        with self._lock:
            return self._mesh.fit(picture, box.center, max(box.width, box.height), roll)

    def _as_it_is(self, picture: Pixels, face: Face) -> Face:
        """The face with its mesh laid anew: the picture may have been painted over since the face was found."""
        mesh = self.mesh_at(picture, face.box, face.pose.roll).points
        return replace(face, mesh=mesh, box=box_of(mesh), points=five_points(mesh), pose=pose_from_mesh(mesh))

    def _points_of(self, picture: Pixels, face: Face) -> Floats:
        """The face's mesh, laid now where another toolbox found the face."""
        if face.mesh is not None:
            return face.mesh
        return self.mesh_at(picture, face.box, face.pose.roll).points

    def _meshed(self, picture: Pixels, found: Iterable[Candidate], ratio: float) -> list[Face]:
        """Candidates of the shrunk picture as faces of the full one, doubtful and double ones left out."""
        faces: list[Face] = []
        for one in found:
            mesh = self._fit(picture, one, ratio)
            if _believed(one, mesh):
                faces.append(_face(one, mesh))
        return distinct(faces)

    def _fit(self, picture: Pixels, one: Candidate, ratio: float) -> FittedMesh:
        """The candidate's mesh; where it fits badly, as on profiles, the best of a few places beside."""
        (x, y), side = one.box.center, one.box.width * ratio
        first = self._mesh.fit(picture, (x * ratio, y * ratio), side, one.roll)
        if first.score > _MESH_CONFIRMS or len(one.seen_by) < 2:
            return first
        beside = (self._mesh.fit(picture, (x * ratio + step * side, y * ratio), side, one.roll) for step in _STEPS)
        return max([first, *beside], key=lambda mesh: mesh.score)


def _shifted(face: Face, window: CropWindow) -> Face:
    """The face in the pixels of the window's part."""
    box, (x, y) = face.box, (window.left, window.top)
    mesh = None if face.mesh is None else np.asarray(face.mesh - np.array([x, y, 0], np.float32), np.float32)
    points = np.asarray(face.points - np.array([x, y], np.float32), np.float32)
    return replace(face, box=Box(box.left - x, box.top - y, box.right - x, box.bottom - y), points=points, mesh=mesh)


def shrink(picture: Pixels, side: int) -> tuple[Pixels, float]:
    """The picture with its longer side at most `side`, and by how much it is smaller."""
    h, w = picture.shape[:2]
    ratio = max(h, w) / side
    if ratio <= 1:
        return picture, 1.0
    size = (max(1, round(w / ratio)), max(1, round(h / ratio)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8), ratio


def _believed(one: Candidate, mesh: FittedMesh) -> bool:
    """Both nets saw it, or the mesh confirms it."""
    return mesh.score > (_MESH_DENIES if len(one.seen_by) > 1 else _MESH_CONFIRMS)


def _face(one: Candidate, mesh: FittedMesh) -> Face:
    return Face(
        box=box_of(mesh.points),
        points=five_points(mesh.points),
        score=min(one.score, mesh.score),
        pose=pose_from_mesh(mesh.points),
        mesh=mesh.points,
    )


def distinct(faces: Iterable[Face]) -> list[Face]:
    """One of every group of boxes that lie on each other, the surest."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(face.box.overlap(other.box) < 0.4 for other in kept):
            kept.append(face)
    return kept
