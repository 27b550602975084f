"""A studio that works with its hands: no models, but persons, portraits and checks on a real disk."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FAKE_TOOLBOXES, FakeEngine
from PIL import Image

from easyphoto.domain import (
    Box,
    FaceScore,
    LikenessLevel,
    Person,
    Photo,
    PhotoReport,
    PortraitRequest,
    QuickRequest,
    SavedPortrait,
    Template,
    TrainingSet,
    TrainRequest,
    Verdict,
)
from easyphoto.errors import BadPicture, BadRequest, NoFace
from easyphoto.images import open_picture, save_picture
from easyphoto.library import Library, PersonDraft
from easyphoto.locales import Message, message
from easyphoto.paths import Paths, shipped_models
from easyphoto.portrait.batch import OnResult, PortraitBatch, discard
from easyphoto.progress import Progress, Step, silent
from easyphoto.providers import Toolboxes
from easyphoto.quick import QuickPortraits
from easyphoto.stages import Stage
from easyphoto.training.train import TrainingResult
from easyphoto.weights import WeightStore, read_catalog
from easyphoto.weights.places import WeightFolders


def make_person(paths: Paths, name: str) -> Person:
    """Somebody in the library, with a red picture and no LoRA."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reference.png"
        Image.new("RGB", (40, 40), "red").save(file)
        made = TrainingSet(Path(folder), (file,), "", file, (), np.zeros((1, 3), np.float32))
        return Library(paths).create(PersonDraft(name, made, None))


def _few(reports: Sequence[PhotoReport]) -> Message:
    return message("photos.few-usable", count=len(reports), few=5)


@dataclass
class FakeStudio:
    """Does what a studio does in `steps` steps of `pause` seconds, or waits at `gate`."""

    paths: Paths
    steps: int = 4
    pause: float = 0.0
    gate: threading.Event | None = None  # when set, work waits here and goes on reporting
    fails: BaseException | None = None
    notes: tuple[Message, ...] = ()  # on every portrait
    calls: list[tuple[str, object, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = FakeEngine()
        self.toolboxes = Toolboxes(self.paths, "fake", FAKE_TOOLBOXES)
        self.faces = self.toolboxes.get()
        self.library = Library(self.paths)
        self.weights = WeightStore(
            lambda: read_catalog(shipped_models()), WeightFolders(self.paths.weights, shipped_models())
        )

    def requests(self, kind: str) -> list[Any]:
        """What was asked for with `train`, `portrait` or `quick`, in order."""
        return [request for name, request, _ in self.calls if name == kind]

    def _work(self, stage: str, report: Progress) -> None:
        for number in range(self.steps):
            time.sleep(self.pause)
            picture = Image.new("RGB", (32, 32), (number, 0, 0)) if number == self.steps - 1 else None
            report(Step(stage, number + 1, self.steps, "", {"loss": 1.0 / (number + 1)}, picture))
        while self.gate is not None and not self.gate.wait(0.02):
            report(Step(stage, self.steps, self.steps))
        if self.fails is not None:
            raise self.fails

    def check_photos(
        self, photos: Sequence[Photo], report: Progress = silent, faces: str = ""
    ) -> tuple[PhotoReport, ...]:
        self.calls.append(("check", faces, tuple(p.name for p in photos)))
        self._work("check photos", report)
        return tuple(self._checked(photo) for photo in photos)

    @staticmethod
    def _checked(photo: Photo) -> PhotoReport:
        if photo.override == Verdict.DROP.value:
            return PhotoReport(photo.name, Verdict.DROP, ())
        try:
            size = open_picture(photo.file).size
        except BadPicture as error:
            return PhotoReport(photo.name, Verdict.DROP, (error.messages()[0],))
        return PhotoReport(photo.name, Verdict.KEEP, (), 1, size, box=Box(0, 0, 10, 10))

    def train(self, request: TrainRequest, photos: Sequence[Photo], report: Progress = silent) -> TrainingResult:
        self.calls.append(("train", request, tuple(p.name for p in photos)))
        if not request.consent:
            raise BadRequest("plain", text="Training needs the consent of the person shown.", remedy="")
        self._work("training", report)
        person = make_person(self.paths, request.person)
        reports = tuple(self._checked(photo) for photo in photos)
        told = (_few(reports),), (message("training.no-lora"),)
        return TrainingResult(person, reports, ((1, 0.5),), {100: 0.4}, {100: 1.0}, {"training": 1.0}, *told)

    def portrait(
        self,
        request: PortraitRequest,
        templates: Sequence[Template],
        report: Progress = silent,
        out: Path | None = None,
        on_result: OnResult = discard,
    ) -> PortraitBatch:
        self.calls.append(("portrait", request, tuple(t.name for t in templates)))
        for person in filter(None, request.persons):
            self.library.open(person)
        portraits, failures = [], []
        folder = out or self.paths.portraits
        for number, template in enumerate(templates):
            report(Step(Stage.PORTRAIT, number, len(templates), template.name))
            self._work("first pass", report)
            try:
                portraits.append(self._made(request, template, folder))
                on_result(portraits[-1])
            except BadPicture as error:
                failures.append(error)
                on_result(error)
        report(Step(Stage.PORTRAIT, len(templates), len(templates)))
        return PortraitBatch(tuple(portraits), tuple(failures))

    def quick(
        self,
        request: QuickRequest,
        photos: Sequence[Photo],
        templates: Sequence[Template],
        report: Progress = silent,
        out: Path | None = None,
        on_result: OnResult = discard,
    ) -> QuickPortraits:
        self.calls.append(("quick", request, tuple(p.name for p in photos)))
        reports = tuple(self._checked(photo) for photo in photos)
        self._work("check photos", report)
        if all(one.verdict is Verdict.DROP for one in reports):
            raise NoFace("photos.none-usable", stage="check photos", count=len(reports), each=(), few=5)
        person = make_person(self.paths, "quick-0123456789abcdef")
        try:
            batch = self.portrait(replace(request.portrait, persons=(person.id,)), templates, report, out, on_result)
        finally:
            self.library.remove(person.id)
        return QuickPortraits(batch, reports, (_few(reports),))

    def _made(self, request: PortraitRequest, template: Template, folder: Path) -> SavedPortrait:
        picture = open_picture(template.file)
        seed = 7 if request.seed < 0 else request.seed
        scores = tuple(FaceScore(p, Box(0, 0, 9, 9), 0.9, 0.4, LikenessLevel.RESEMBLES) for p in request.persons if p)
        infotext = f"{request.prompt}\nSeed: {seed}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{len(list(folder.iterdir()))}.png"
        save_picture(picture, file, infotext)
        return SavedPortrait(file, template.name, scores, seed, infotext, self.notes, {})
