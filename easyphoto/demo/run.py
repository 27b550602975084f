"""The demo: sample pictures, a person, four portraits, a report."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyphoto.cli.arguments import chosen, photos_of, templates_of
from easyphoto.cli.commands import PART_FAILED, details, not_made
from easyphoto.cli.terminal import CommandResult
from easyphoto.deletion import delete_person
from easyphoto.demo.memory import Peak, watched
from easyphoto.demo.results import DemoRun, facts_of, result_of
from easyphoto.domain import ModelFamily, Photo, PortraitRequest, Template, TrainRequest
from easyphoto.locales import Message, message
from easyphoto.paths import default_root
from easyphoto.progress import Clock, Progress, Step
from easyphoto.stages import Stage
from easyphoto.ui.i18n import Translator

if TYPE_CHECKING:
    from easyphoto.studio import Studio

NAME = "demo"
REPORT, RESULT, PORTRAITS, SAMPLES, DATA = "report.html", "result.json", "portraits", "samples", "data"


@dataclass(frozen=True)
class DemoSession:
    """A demo under way."""

    studio: Studio
    out: Path
    report: Progress
    clock: Clock


def demo(given: Namespace, open_studio: Callable[[Path | None], Studio], report: Progress) -> CommandResult:
    """Photos to portraits in `--out`; the trained person stays in a library of the demo's own.

    Raises what training and the portrait raise; a template that fails leaves the others.
    """
    out = (given.out or (given.data or default_root()) / "demo").resolve()
    out.mkdir(parents=True, exist_ok=True)
    clear_output(out)
    with watched() as peak:
        session = DemoSession(open_studio(out / DATA), out, report, Clock())
        photos, templates = pictures(given, session)
        run = work(train_request(given, session), photos, templates, session)
    write(run, peak, out, Translator(given.language))
    return result(run, peak, out)


def clear_output(out: Path) -> None:
    """Forget the portraits of an earlier demo in the same folder, and nothing else that may lie there."""
    try:
        earlier = json.loads((out / RESULT).read_text(encoding="utf-8"))
        names = [Path(str(portrait["file"])).name for portrait in earlier["portraits"]]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name in names:
        (out / PORTRAITS / name).unlink(missing_ok=True)


def pictures(given: Namespace, session: DemoSession) -> tuple[list[Photo], list[Template]]:
    """The user's own pictures; samples for what he has not given."""
    photos, templates = given.photos, given.template
    if not (photos and templates):
        from easyphoto.demo.samples import make_samples

        session.report(Step(Stage.SAMPLES, 0, 1))
        with session.clock.time(Stage.SAMPLES):
            samples = make_samples(session.studio.paths, session.out / SAMPLES, session.studio.faces)
        session.report(Step(Stage.SAMPLES, 1, 1))
        photos, templates = photos or samples.photos, templates or samples.templates
    return photos_of(photos), templates_of(templates)


def train_request(given: Namespace, session: DemoSession) -> TrainRequest:
    """The family's defaults with what was asked for; the sample person has agreed."""
    agreed = bool(given.consent or not given.photos)
    changes = chosen(given, TrainRequest) | {"person": NAME, "consent": agreed}
    base = session.studio.engine.checkpoint(changes.get("base_model", TrainRequest().base_model))
    return TrainRequest.for_family(base.family, **changes)


def work(request: TrainRequest, photos: list[Photo], templates: list[Template], session: DemoSession) -> DemoRun:
    """Make the person and the portraits."""
    studio, clock = session.studio, session.clock
    for earlier in [person.id for person in studio.library.list() if person.name == NAME]:
        delete_person(earlier, studio)
    trained = studio.train(request, photos, session.report)
    family = studio.engine.checkpoint(request.base_model).family
    wish = portrait_request(family, request, trained.person.id if trained.person else NAME)
    clock.seconds.update(trained.seconds)
    with clock.time(Stage.PORTRAIT):
        batch = studio.portrait(wish, templates, session.report, session.out / PORTRAITS)
    if batch.failures and not batch.portraits:
        raise batch.failures[0]
    return DemoRun(photos, templates, request, wish, trained, batch, dict(clock.seconds), studio.faces.recognizer.same)


def portrait_request(family: ModelFamily, request: TrainRequest, person: str) -> PortraitRequest:
    """The family's defaults with the training's seed, so that a second demo makes the same pictures."""
    return PortraitRequest.for_family(family, persons=(person,), base_model=request.base_model, seed=request.seed)


def write(run: DemoRun, peak: Peak, out: Path, say: Translator) -> None:
    """The page and the figures."""
    from easyphoto.demo.report import page

    (out / RESULT).write_text(
        json.dumps(result_of(run, peak, out), ensure_ascii=False, indent=2, default=str), encoding="utf-8"
    )
    (out / REPORT).write_text(page(facts_of(run, peak, out), say), encoding="utf-8")


def result(run: DemoRun, peak: Peak, out: Path) -> CommandResult:
    """Where everything is."""
    lines: list[Message | str] = [message("demo.report", path=str(out / REPORT))]
    for portrait in run.batch.portraits:
        lines += [message("demo.portrait", path=str(portrait.file)), *details(portrait)]
    lines += [not_made(failure) for failure in run.batch.failures]
    lines.append(message("demo.figures", path=str(out / RESULT)))
    lines.append(message("demo.data", name=NAME, folder=str(out / DATA)))
    data: dict[str, Any] = {"report": str(out / REPORT), **result_of(run, peak, out)}
    data["failures"] = [failure.as_json() for failure in run.batch.failures]
    data["request"] = asdict(run.train_request)
    return CommandResult(data, lines, code=PART_FAILED if run.batch.failures else 0)
