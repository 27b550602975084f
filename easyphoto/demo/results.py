"""What a finished demo gives: the figures for programs, the facts for the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from easyphoto import __version__
from easyphoto.cli.commands import not_made
from easyphoto.demo.memory import Peak
from easyphoto.demo.report import PhotoEntry, PortraitEntry, ReportFacts, Training
from easyphoto.domain import Photo, PhotoReport, PortraitRequest, SavedPortrait, Template, TrainRequest, options_of
from easyphoto.errors import BadPicture
from easyphoto.locales import Message

if TYPE_CHECKING:
    from easyphoto.portrait.batch import PortraitBatch
    from easyphoto.training.train import TrainingResult

THUMB_PX, PORTRAIT_PX = 320, 900
NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
HIDDEN = ("person", "consent", "persons")


@dataclass(frozen=True)
class DemoRun:
    """Everything a demo did."""

    photos: Sequence[Photo]
    templates: Sequence[Template]
    train_request: TrainRequest
    portrait_request: PortraitRequest
    trained: TrainingResult
    batch: PortraitBatch
    seconds: dict[str, float]
    same: float  # the recogniser's threshold


def result_of(run: DemoRun, peak: Peak, out: Path) -> dict[str, Any]:
    """The figures; likeness is dlib's L2 distance, lower is nearer, the first face of each portrait."""
    portraits = [_result(portrait, out) for portrait in run.batch.portraits]
    seconds = {stage: round(spent, 2) for stage, spent in run.seconds.items()}
    figures = {"seconds": seconds, "seconds_total": round(sum(seconds.values()), 2)}
    return {"portraits": portraits, **figures, "peak_rss_mb": round(peak.megabytes, 1)}


def _result(portrait: SavedPortrait, out: Path) -> dict[str, Any]:
    first = portrait.scores[0] if portrait.scores else None
    likeness = {"likeness_before": first and first.before, "likeness_after": first and first.after}
    spent = {stage: round(seconds, 2) for stage, seconds in portrait.seconds.items()}
    return {"file": _relative(portrait.file, out), "template": portrait.template, **likeness, "seconds": spent}


def _relative(file: Path | None, out: Path) -> str:
    return file.relative_to(out).as_posix() if file and file.is_relative_to(out) else str(file)


def facts_of(run: DemoRun, peak: Peak, out: Path) -> ReportFacts:
    """Everything the page says, pictures included."""
    trained, files = run.trained, {photo.name: photo.file for photo in run.photos}
    told = (tuple(trained.warnings), tuple(trained.notes))
    training = Training(trained.losses, trained.distance_by_step, trained.votes, *told)
    used = next((r for r in trained.reports if r.trained), trained.reports[0])
    return ReportFacts(
        person=run.train_request.person,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        program=f"EasyPhoto {__version__}",
        same=run.same,
        photos=tuple(PhotoEntry(photo_uri(files.get(r.name), r), r) for r in trained.reports),
        portraits=tuple(_card(portrait, run, out) for portrait in run.batch.portraits),
        training=training,
        seconds=run.seconds,
        peak_rss_mb=peak.megabytes,
        settings=_settings(run),
        failures=tuple(not_made(failure) for failure in run.batch.failures),
        face=photo_uri(files.get(used.name), used),
    )


def _card(portrait: SavedPortrait, run: DemoRun, out: Path) -> PortraitEntry:
    template = next(template.file for template in run.templates if template.name == portrait.template)
    shown = picture_uri(portrait.file, PORTRAIT_PX)
    before = picture_uri(template, PORTRAIT_PX)
    file = _relative(portrait.file, out)
    return PortraitEntry(before, shown, file, portrait.template, portrait.scores, tuple(portrait.notes))


def _settings(run: DemoRun) -> dict[Message | str, str]:
    named = {"report.setting.train": run.train_request, "report.setting.portrait": run.portrait_request}
    return {
        Message(key, {"name": Message(f"{option.key}.label")}): str(getattr(request, name))
        for key, request in named.items()
        for name, option in options_of(type(request)).items()
        if name not in HIDDEN
    }


# ---------------------------------------------------------------- pictures


def photo_uri(file: Path | None, report: PhotoReport) -> str:
    """The square round the face, or the whole picture where none was found."""
    if file is None:
        return NO_PICTURE
    try:
        from easyphoto.images import open_picture

        picture = open_picture(file)
    except BadPicture:  # its report says why it could not be opened
        return NO_PICTURE
    if report.box is None:
        return data_uri(picture, THUMB_PX)
    side = max(report.box.width, report.box.height) * 1.1
    (x, y), (width, height) = report.box.center, picture.size
    left, right = max(0.0, x - side), min(float(width), x + side)
    top, bottom = max(0.0, y - side), min(float(height), y + side)
    return data_uri(picture.crop((round(left), round(top), round(right), round(bottom))), THUMB_PX)


def picture_uri(file: Path, side: int) -> str:
    """The picture of a file, not larger than `side`."""
    from easyphoto.images import open_picture

    return data_uri(open_picture(file, long_side=side), side)


def data_uri(picture: Image.Image, side: int) -> str:
    """A JPEG inside an address, not larger than `side`."""
    small = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
