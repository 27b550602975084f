"""The console with a studio that records what it is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from PIL import Image

from easyphoto import errors
from easyphoto.cli import app
from easyphoto.deletion import Deletion
from easyphoto.domain import (
    Box,
    Checkpoint,
    FaceScore,
    LikenessLevel,
    ModelFamily,
    Person,
    PhotoReport,
    Portrait,
    Verdict,
)
from easyphoto.locales import message, plain
from easyphoto.progress import Step


class FakeLibrary:
    def __init__(self) -> None:
        self.people = {"mei": Person("mei", "Mei 梅", Path("p/mei"), None, Path("r.png"), None, (Path("1.png"),))}
        self.done: list[tuple] = []
        self.left: tuple[Path, ...] = ()

    def list(self):
        return list(self.people.values())

    def open(self, person):
        if person not in self.people:
            raise errors.NotFound("plain", text=f"There is nobody called {person}.", stage="library", remedy="")
        return self.people[person]

    def rename(self, person, name):
        return replace(self.open(person), name=name)

    def remove(self, person):
        self.done.append(("remove", self.people.pop(person).id))
        return Deletion(7, 2_000_000, portraits=1, uploads=0, lora_copies=0, jobs=2, left=self.left)

    def export(self, person, file):
        self.done.append(("export", person, file))
        return file

    def import_(self, file):
        self.done.append(("import", file))
        return self.people["mei"]


class FakeStudio:
    """Records what it is asked; `trouble` is raised by whatever works."""

    def __init__(self) -> None:
        self.library = FakeLibrary()
        self.engine = self
        self.faces = SimpleNamespace(recognizer=SimpleNamespace(same=0.6))
        self.trouble: BaseException | None = None
        self.failures: tuple = ()
        self.request = self.photos = self.templates = self.out = None

    def checkpoints(self):
        return [Checkpoint("built-in", ModelFamily.BUILTIN)]

    def checkpoint(self, name):
        if name == "missing":
            raise errors.MissingModel(
                "plain", text="There is no such model.", stage="models", remedy="Put it somewhere."
            )
        return Checkpoint(name, ModelFamily.SD15 if name.startswith("sd") else ModelFamily.BUILTIN)

    def _work(self, report):
        report(Step("work", 0, 2))
        if self.trouble:
            raise self.trouble
        report(Step("work", 2, 2, figures={"loss": 0.5}))

    def check_photos(self, photos, report):
        self._work(report)
        return tuple(PhotoReport(photo.name, Verdict.KEEP, ()) for photo in photos)

    def quick(self, request, pictures, report, out=None, on_result=None):
        self.photos, templates = pictures
        self.consent = request.consent
        reports = self.check_photos(self.photos, report)
        batch = self.portrait(request.portrait, templates, report, out)
        return SimpleNamespace(batch=batch, reports=reports, warnings=(plain("Only 3 photos."),))

    def remove_person(self, person_id):
        return self.library.remove(person_id)

    def train(self, request, photos, report):
        self.request, self.photos = request, photos
        reports = self.check_photos(photos, report)
        self.library.people[request.person] = replace(
            self.library.people["mei"], id=request.person, name=request.person
        )
        return SimpleNamespace(
            person=self.library.people[request.person],
            reports=reports,
            losses=((1, 0.5),),
            distance_by_step={1: 0.4},
            votes={1: 1.0},
            seconds={"photos": 1.0},
            warnings=(plain("Only one photo."),),
            notes=(message("training.no-lora"),),
        )

    def portrait(self, request, templates, report, out=None, on_result=None):
        self.request, self.templates, self.out = request, templates, out
        self._work(report)
        score = FaceScore("mei", Box(0, 0, 1, 1), 0.8, 0.4, LikenessLevel.SAME_PERSON)
        picture = Image.new("RGB", (8, 8), "red")
        portraits = tuple(
            Portrait(picture, t.name, (score,), 5, "settings", file=(out or Path()) / f"{t.file.stem}-5.png")
            for t in templates[len(self.failures) :]
        )
        return SimpleNamespace(portraits=portraits, failures=self.failures)


def run(studio, *arguments):
    return app.main([str(argument) for argument in arguments], lambda root: studio)
