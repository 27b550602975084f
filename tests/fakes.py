"""A miniature world: faces are reddish ellipses, a person is the colour of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from easyphoto.domain import (
    BUILTIN_CHECKPOINT,
    Box,
    Checkpoint,
    Face,
    Floats,
    IdentityAdapter,
    ModelFamily,
    Pixels,
    Pose,
    Rendered,
    RenderJob,
)
from easyphoto.errors import MissingModel
from easyphoto.faces.base import FaceRegions, FusionResult, FusionSource, FusionTarget, Prepare, Recognizer, unprepared
from easyphoto.faces.wear import Wear
from easyphoto.images import lab_to_rgb, rgb_to_lab
from easyphoto.paths import Paths
from easyphoto.progress import Progress, Step, silent
from easyphoto.providers import Toolboxes
from easyphoto.weights import WeightStore

BACKGROUND = (60, 120, 90)


def draw_faces(size: tuple[int, int], faces: Sequence[tuple[tuple[int, int], int, tuple[int, int, int]]]) -> Pixels:
    """A greenish picture of `size` (width, height) with ellipses (centre, width, colour); fine noise all over."""
    picture = np.full((size[1], size[0], 3), BACKGROUND, np.uint8)
    for center, width, color in faces:
        cv2.ellipse(picture, center, (width // 2, round(width * 0.65)), 0, 0, 360, color, -1)
    noise = np.random.default_rng(0).integers(-6, 7, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def save(pixels: Pixels, file: Path) -> Path:
    Image.fromarray(pixels).save(file)
    return file


def _ellipse(shape: tuple[int, int], face: Face, ratio: float = 1.0, shift: float = 0.0) -> Pixels:
    mask = np.zeros(shape, np.uint8)
    (x, y), h = face.box.center, face.box.height
    axes = (max(1, round(face.box.width / 2 * ratio)), max(1, round(h / 2 * ratio)))
    cv2.ellipse(mask, (round(x), round(y + shift * h)), axes, 0, 0, 360, 255, -1)
    return mask


class FakeFaces:
    """Finds reddish ellipses; the embedding is their mean colour, scaled so that 0.6 is a limit."""

    recognizer = Recognizer("fake", same=0.6, strict=0.4)

    def detect(self, picture: Pixels) -> list[Face]:
        red = (picture[..., 0].astype(int) - picture[..., 1] > 30).astype(np.uint8)
        red = cv2.morphologyEx(red, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(red)
        faces = [self._face(*row[:4]) for row in stats[1:] if row[4] > 200]
        return sorted(faces, key=lambda f: f.box.center[0])

    @staticmethod
    def _face(left: int, top: int, width: int, height: int) -> Face:
        parts = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
        points = np.array([(left + x * width, top + y * height) for x, y in parts], np.float32)
        return Face(Box(left, top, left + width, top + height), points, 0.99, Pose(0, 0, 0))

    def embed(self, picture: Pixels, face: Face) -> Floats:
        inside = _ellipse(picture.shape[:2], face, 0.6) > 0
        return (picture[inside].mean(axis=0) / 100).astype(np.float32)

    def matte(self, picture: Pixels) -> Pixels:
        return np.full(picture.shape[:2], 255, np.uint8)

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        shape = picture.shape[:2]
        oval, eyes = _ellipse(shape, face), _ellipse(shape, face, 0.15, -0.1)
        lips, nothing = _ellipse(shape, face, 0.15, 0.3), np.zeros(shape, np.uint8)
        return FaceRegions(oval, oval - eyes - lips, eyes, nothing, lips, nothing)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        return cv2.GaussianBlur(picture, (0, 0), 1 + ratio)

    def skin_tone(self, picture: Pixels, face: Face) -> Floats | None:
        return np.median(rgb_to_lab(picture[_ellipse(picture.shape[:2], face, 0.6) > 0]), axis=0).astype(np.float32)

    def retone(self, picture: Pixels, face: Face, neighbors: Sequence[Face], tone: Floats) -> Pixels:
        own = self.skin_tone(picture, face)
        shift = lab_to_rgb(tone[None])[0].astype(int) - lab_to_rgb(own[None])[0]
        skin = (picture[..., 0].astype(int) - picture[..., 1] > 30) & (_ellipse(picture.shape[:2], face, 1.1) > 0)
        out = picture.copy()
        out[skin] = np.clip(picture[skin] + shift, 0, 255).astype(np.uint8)
        return out

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        return picture

    def enhance(self, photo: FusionSource) -> FusionSource:
        return photo

    def worn(self, picture: Pixels, face: Face) -> Wear:
        return Wear.nothing((picture.shape[1], picture.shape[0]))

    def fuse(
        self,
        target: FusionTarget,
        sources: Sequence[FusionSource],
        share: float = 1.0,
        prepare: Prepare = unprepared,
    ) -> FusionResult:
        template = target.picture
        mask = _ellipse(template.shape[:2], target.face, 0.9)
        color = prepare(sources[0]).face.embedding
        assert color is not None
        picture = template.copy()
        moved_in = np.clip(color * 100, 0, 255)
        picture[mask > 0] = np.rint(template[mask > 0] + (moved_in - template[mask > 0]) * share).astype(np.uint8)
        return FusionResult(picture, mask, 0, 0.0)


class OtherFaces(FakeFaces):
    """Another provider: other distances, and a retouching that paints blue."""

    recognizer = Recognizer("other", same=0.5, strict=0.3)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        return np.full_like(picture, (0, 0, 255))


FAKE_TOOLBOXES = {"fake": lambda paths: FakeFaces(), "other": lambda paths: OtherFaces()}


def fake_toolboxes(paths: Paths) -> Toolboxes:
    """Those, the first of them for requests that name none."""
    return Toolboxes(paths, "fake", FAKE_TOOLBOXES)


class FakeEngine:
    """Records its jobs and brightens the masked part by two levels."""

    def __init__(self, family: ModelFamily = ModelFamily.BUILTIN) -> None:
        self.jobs: list[RenderJob] = []
        self.family = family
        self.is_released = False
        self.working = False
        self.forgotten: list[Path] = []
        self.adapter: IdentityAdapter | None = None

    def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint(BUILTIN_CHECKPOINT, self.family, Path())]

    def checkpoint(self, name: str) -> Checkpoint:
        if name != BUILTIN_CHECKPOINT:
            raise MissingModel("plain", text=f"No base model {name}.", remedy="")
        return self.checkpoints()[0]

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        self.jobs.append(job)
        report(Step("render", 1, 1))
        pixels = np.asarray(job.picture).astype(int)
        pixels[np.asarray(job.mask) > 0] += 2
        return Rendered(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), ("fake",))

    def default(self) -> str:
        return BUILTIN_CHECKPOINT

    def vaes(self) -> list[str]:
        return ["soft"]

    def identity_adapter(self, family: ModelFamily) -> IdentityAdapter | None:
        return self.adapter

    @contextmanager
    def session(self) -> Iterator[None]:
        self.working = True
        try:
            yield
        finally:
            self.working = False

    def forget(self, lora: Path) -> None:
        self.forgotten.append(lora)

    @contextmanager
    def offloaded(self, report: Progress = silent) -> Iterator[Progress]:
        self.is_released = True
        yield report


def no_weights() -> WeightStore:
    """For portraits that need no model file beside what ships."""
    raise AssertionError("a model file was asked for")
