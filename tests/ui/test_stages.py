"""The page has words for every stage that the journeys report."""

import ast
from pathlib import Path

import easyphoto
from easyphoto.ui.progress_estimate import PAINTING, SPANS
from easyphoto.ui.strings import STAGES

HOUSE = Path(easyphoto.__file__).parent
REPORTING = ("Step", "begin")  # Step("stage", ...) and stages.begin("stage", ...)


def reported() -> set[str]:
    """The literal stages in the rooms that report."""
    found: set[str] = set()
    for room in ("training", "portrait", "engines"):
        for file in (HOUSE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                    if name in REPORTING and isinstance(node.args[0].value, str):
                        found.add(node.args[0].value)
    return found


def test_every_stage_has_its_words():
    assert {"train", "first pass", "render"} <= reported()
    assert reported() <= set(STAGES)


def test_the_bar_waits_for_stages_that_come():
    finishing = {"color", "retouch", "detail"}
    assert set(PAINTING) <= reported() | finishing
    waited = {stage for spans in SPANS.values() for stage in spans}
    assert waited <= reported()
