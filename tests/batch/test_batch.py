"""Persons and portraits out of one plan: what is done stays done, what fails fails alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fake_studio import FakeStudio
from PIL import Image

from easyphoto.batch import LOCAL, BatchPerson, BatchRun, TaskResult, Worker, run_batch, tasks_of
from easyphoto.batch.records import Records
from easyphoto.domain import Photo, PortraitRequest, Template, TrainRequest
from easyphoto.errors import Busy
from easyphoto.paths import Paths
from easyphoto.progress import Step, silent


@pytest.fixture
def studio(tmp_path: Path) -> FakeStudio:
    return FakeStudio(Paths(tmp_path / "data"))


def picture(file: Path, color: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    Image.new("RGB", (40, 40), color).save(file)
    return file


def person(tmp_path: Path, name: str, templates: Sequence[str] = ("blue", "green")) -> BatchPerson:
    photo = picture(tmp_path / "photos" / f"{name}.png", "red")
    files = [picture(tmp_path / "templates" / f"{color}.png", color) for color in templates]
    return BatchPerson(
        TrainRequest(person=name, consent=True),
        (Photo(photo, photo.name),),
        PortraitRequest(),
        tuple(Template(file, file.name) for file in files),
    )


def run(studio: FakeStudio, persons: Sequence[BatchPerson], out: Path) -> BatchRun:
    return run_batch(tasks_of(persons), Worker(lambda: studio, out), silent, LOCAL)  # type: ignore[arg-type, return-value]


def results(done: BatchRun) -> list[TaskResult]:
    return [result for _, result in done.results]


def test_a_second_run_does_nothing(studio: FakeStudio, tmp_path: Path):
    persons, out = [person(tmp_path, "Mei"), person(tmp_path, "Ana", ["blue"])], tmp_path / "out"
    first = run(studio, persons, out)
    assert [task.name for task, _ in first.results] == [
        "Mei",
        "Mei: blue.png",
        "Mei: green.png",
        "Ana",
        "Ana: blue.png",
    ]
    assert first.failures == () and not any(result.found for result in results(first))
    files = {Path(result.file) for result in results(first) if result.file}
    assert {file.parent.name for file in files} == {"mei", "ana"} and len(files) == 3
    before, calls = {file: file.read_bytes() for file in files}, len(studio.calls)
    second = run(studio, persons, out)
    assert all(result.found for result in results(second)) and len(studio.calls) == calls
    assert {Path(result.file) for result in results(second) if result.file} == files
    assert {file: file.read_bytes() for file in files} == before


def test_what_is_gone_or_changed_is_made_again_and_nothing_else(studio: FakeStudio, tmp_path: Path):
    persons, out = [person(tmp_path, "Mei")], tmp_path / "out"
    blue, green = (Path(result.file) for result in results(run(studio, persons, out))[1:])
    blue.write_bytes(b"damaged")
    again = results(run(studio, persons, out))
    assert [result.found for result in again] == [True, False, True]
    Image.open(blue).verify()
    picture(tmp_path / "templates" / "green.png", "yellow")  # another content under the same name
    changed = results(run(studio, persons, out))
    assert [result.found for result in changed] == [True, True, False]
    assert Path(changed[2].file) != green and green.is_file()


def test_the_same_content_under_another_name_is_the_same_task(tmp_path: Path):
    one = tasks_of([person(tmp_path, "Mei", ["blue"])])
    (tmp_path / "templates" / "blue.png").rename(tmp_path / "templates" / "other.png")
    template = Template(tmp_path / "templates" / "other.png", "other.png")
    other = tasks_of([replace(person(tmp_path, "Mei", []), templates=(template,))])
    assert [task.key for task in one] == [task.key for task in other]


def test_a_random_seed_is_the_same_in_every_run(tmp_path: Path):
    first, second = (tasks_of([person(tmp_path, "Mei")]) for _ in range(2))
    seeds = [task.work.request.seed for task in first]
    assert seeds == [task.work.request.seed for task in second]
    assert seeds[1] != seeds[2] and min(seeds[1:]) >= 0


def test_one_who_fails_takes_only_their_own_portraits_along(studio: FakeStudio, tmp_path: Path):
    refused = replace(person(tmp_path, "Mei"), train=TrainRequest(person="Mei", consent=False))
    done = run(studio, [refused, person(tmp_path, "Ana", ["blue"])], tmp_path / "out")
    assert [bool(result.failure) for result in results(done)] == [True, True, True, False, False]
    assert len({result.failure["code"] for result in results(done)[:3]}) == 1


def test_a_broken_template_fails_alone(studio: FakeStudio, tmp_path: Path):
    broken = person(tmp_path, "Mei")
    broken.templates[0].file.write_bytes(b"no picture")
    done = run(studio, [broken], tmp_path / "out")
    assert [bool(result.failure) for result in results(done)] == [False, True, False]
    assert not list((tmp_path / "out").glob("*/*/*.png"))


def test_a_person_whose_end_was_not_noted_any_more_is_found(studio: FakeStudio, tmp_path: Path):
    """As after a kill between the person's birth and the note of it."""
    persons, out = [person(tmp_path, "Mei", [])], tmp_path / "out"
    run(studio, persons, out)
    (note,) = Records(out).folder.glob("*.json")
    note.unlink()
    assert results(run(studio, persons, out))[0].found


def test_somebody_else_of_the_same_name_is_left_alone(studio: FakeStudio, tmp_path: Path):
    run(studio, [person(tmp_path, "Mei", [])], tmp_path / "out")
    picture(tmp_path / "photos" / "Mei.png", "blue")
    other = replace(person(tmp_path, "Mei"), photos=(Photo(tmp_path / "templates" / "blue.png", "b"),))
    done = run(studio, [other], tmp_path / "out")
    assert results(done)[0].failure["code"] == "library.name-taken"
    assert all(result.failure for result in results(done))


def test_two_batches_never_share_a_folder(studio: FakeStudio, tmp_path: Path):
    persons, out = [person(tmp_path, "Mei")], tmp_path / "out"
    codes = []

    def second(step: Step) -> None:
        if not codes:
            with pytest.raises(Busy) as caught:
                run(studio, persons, out)
            codes.append(caught.value.code)

    run_batch(tasks_of(persons), Worker(lambda: studio, out), second, LOCAL)  # type: ignore[arg-type, return-value]
    assert codes == ["batch.running"]


def test_a_cancel_passes_through_and_the_next_run_goes_on(studio: FakeStudio, tmp_path: Path):
    persons, out, seen = [person(tmp_path, "Mei")], tmp_path / "out", []

    class Stopped(Exception):
        pass

    def stop(step: Step) -> None:
        seen.append(step)
        if step.stage == "batch" and step.done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        run_batch(tasks_of(persons), Worker(lambda: studio, out), stop, LOCAL)  # type: ignore[arg-type, return-value]
    assert [result.found for result in results(run(studio, persons, out))] == [True, True, False]


def test_a_setting_that_a_later_version_adds_makes_no_other_task(tmp_path: Path):
    @dataclass(frozen=True)
    class LaterRequest(PortraitRequest):
        added: bool = False

    now = person(tmp_path, "Mei")
    later = replace(now, portrait=LaterRequest())
    keys = [[task.key for task in tasks_of([one])] for one in (now, later)]
    assert keys[0] == keys[1]
    assert keys[0] != [task.key for task in tasks_of([replace(now, portrait=LaterRequest(added=True))])]
