"""The page has words for every stage that the journeys report."""

import ast
from pathlib import Path

import easyphoto
from easyphoto.domain import PortraitRequest
from easyphoto.locales import catalogue
from easyphoto.portrait.generate import face_stages
from easyphoto.ui.i18n import stage_key
from easyphoto.ui.progress_estimate import PAINTING, SPANS

PACKAGE = Path(easyphoto.__file__).parent
REPORTING = ("Step",)  # Step("stage", ...)


def reported() -> set[str]:
    """The literal stages in the packages that report."""
    found: set[str] = set()
    for package in ("training", "portrait", "engines"):
        for file in (PACKAGE / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                    if name in REPORTING and isinstance(node.args[0].value, str):
                        found.add(node.args[0].value)
    return found


def painting() -> set[str]:
    """Stages of one face with everything switched on."""
    return {name for name, _ in face_stages(PortraitRequest(retouch=True))}


def test_every_stage_has_its_words():
    assert {"train", "render"} <= reported()
    assert {stage_key(stage) for stage in reported() | painting()} <= set(catalogue("en"))


def test_the_bar_waits_for_stages_that_come():
    assert set(PAINTING) == painting()
    waited = {stage for spans in SPANS.values() for stage in spans}
    assert waited <= reported()
