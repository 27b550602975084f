"""The page asks for no text that is not in the catalogue, and follows the visitor's language."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

import easyphoto.ui
from easyphoto.domain.portrait import QualityLevel, QualityParts
from easyphoto.jobs import Kind, State
from easyphoto.locales import LANGUAGES, catalogue
from easyphoto.paths import shipped_models
from easyphoto.portrait.template_fit import FitLevel
from easyphoto.ui import advanced
from easyphoto.ui.advanced import GROUPS
from easyphoto.ui.i18n import Translator, language_of
from easyphoto.ui.portrait_panel import PRESETS
from easyphoto.ui.portrait_view import TAGS
from easyphoto.ui.time_left import Unknown
from easyphoto.weights import read_catalog

FOLDER = Path(easyphoto.ui.__file__).parent
ROOM = Path(easyphoto.ui.__file__).parent
HAN = re.compile(r"[\u4e00-\u9fff]")
PAGE = {key.removeprefix("page.") for key in catalogue("en") if key.startswith("page.")}


def test_every_sentence_asked_for_is_in_the_catalogue():
    asked = set()
    for file in (*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")):
        asked |= set(re.findall(r'(?:say|\.count)\(\s*"([a-z_.]+)"', file.read_text(encoding="utf-8")))
    missing = {key for key in asked if key[-1] != "." and key not in PAGE and f"{key}.one" not in PAGE}
    assert len(asked) > 60
    assert missing == set()


def test_keys_that_are_put_together_exist():
    made = [f"job.{state.value}" for state in State]
    made += [f"photo.{verdict}" for verdict in ("keep", "warn", "drop", "forced", "new")]
    made += [f"group.{group}" for groups in GROUPS.values() for group in groups]
    made += [f"effort.{name}" for presets in advanced.PRESETS.values() for name in presets]
    made += ["effort.train", "effort.portrait"]
    made += [f"theme.{theme}" for theme in ("light", "dark")]
    made += [f"tab.{tab}" for tab in ("quick", "train", "portrait", "people", "models", "doctor")]
    made += [f"models.group.{group}" for group in read_catalog(shipped_models()).groups]
    made += [f"preset.{preset}" for preset in PRESETS]
    made += [f"quality.{part.name}" for part in fields(QualityParts)]
    made += [f"quality.level.{level.value}" for level in QualityLevel]
    made += [f"tag.{tag}" for tag in TAGS]
    made += [f"status.{kind.value}" for kind in Kind]
    made += [f"job.left.{unknown.value}" for unknown in Unknown]
    made += [f"fit.{level.value}" for level in FitLevel]
    assert [key for key in made if key not in PAGE] == []
    made += [f"train.scores.{column}" for column in ("step", "distance", "share")]
    used = {*made, *written()}
    assert [key for key in PAGE if key not in used and key.removesuffix(".one") not in used] == []


def written() -> set[str]:
    """Every string of the package's code, and every quoted word of its templates."""
    found = set()
    for file in FOLDER.parent.rglob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        strings = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
        found |= {value.removeprefix("page.") for value in strings}
    for file in FOLDER.rglob("*.html"):
        found |= set(re.findall(r"""["']([\w.]+)["']""", file.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize(
    ("header", "cookie", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh"),
        ("en-US,en;q=0.9,zh;q=0.1", "", "en"),
        ("de,fr;q=0.5", "", "en"),
        ("", "", "en"),
        ("zh-CN", "en", "en"),
        ("en", "zh", "zh"),
        ("en", "<script>", "en"),
    ],
)
def test_the_language_follows_the_browser_unless_chosen(header: str, cookie: str, language: str):
    assert language_of(header, cookie) == language


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (3725, "1 h 2 min")])
def test_durations(seconds: float, text: str):
    assert Translator().duration(seconds) == text


def test_languages_have_names():
    assert set(LANGUAGES) == {"en", "zh"}
