"""The templates that ship are what their catalog says."""

import numpy as np
import pytest
from PIL import Image

from easyphoto.errors import BadModel
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.library import Templates
from easyphoto.library.template_catalog import CATALOG, read_catalog
from easyphoto.paths import Paths, shipped_models

FOLDER = shipped_models() / "templates"
FREE = {"CC0-1.0"}
SHIPPED = read_catalog(FOLDER)
ENTRY = """["one.jpg"]
title = { en = "One", zh = "一" }
tags = ["woman"]
people = 1
validation = true
source = "somebody"
license = "CC0-1.0"
changes = "none"
"""


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


def test_every_picture_is_listed_and_every_entry_has_its_picture():
    assert {file.name for file in FOLDER.iterdir() if file.suffix == ".jpg"} == set(SHIPPED)
    assert len(SHIPPED) == 16


def test_all_may_be_given_on_and_say_where_they_are_from():
    for name, facts in SHIPPED.items():
        assert facts.license in FREE and facts.source and facts.changes, name
        assert facts.title["en"].isascii() and not facts.title["zh"].isascii(), name


def test_there_is_variety():
    tags = [set(facts.tags) for facts in SHIPPED.values() if facts.people == 1]
    for tag in ("woman", "man", "young", "middle-aged", "older", "suit", "casual", "outdoor", "studio"):
        assert sum(tag in one for one in tags) >= 2, tag
    for tag in ("light-skin", "medium-skin", "dark-skin"):
        assert sum(tag in one for one in tags) >= 3, tag
    assert sum("black-and-white" in one for one in tags) == 1
    assert sum(facts.people == 2 for facts in SHIPPED.values()) == 2


def test_they_are_large_enough_and_not_too_heavy():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 4_000_000
    for name in SHIPPED:
        with Image.open(FOLDER / name) as picture:
            assert min(picture.size) >= 768 and max(picture.size) <= 1280, name


@pytest.mark.parametrize("name", list(SHIPPED))
def test_as_many_faces_are_found_as_the_catalog_says(faces, name):
    picture = np.asarray(Image.open(FOLDER / name).convert("RGB"))
    found = faces.detect(picture)
    assert len(found) == SHIPPED[name].people
    for face in found:
        assert face.mesh is not None and min(face.box.width, face.box.height) >= 150
        assert abs(face.pose.yaw) <= 20 and abs(face.pose.pitch) <= 20
    if SHIPPED[name].validation:
        assert abs(found[0].pose.yaw) <= 8 and abs(found[0].pose.pitch) <= 8


def test_four_are_for_trial_pictures_of_both_sexes_and_of_light_and_dark_skin():
    chosen = [set(facts.tags) for facts in SHIPPED.values() if facts.validation]
    assert len(chosen) == 4 and all(facts.people == 1 for facts in SHIPPED.values() if facts.validation)
    for tag in ("woman", "man", "light-skin", "dark-skin"):
        assert any(tag in one for one in chosen)


def test_the_catalogs_order_is_the_order_shown(tmp_path):
    assert [one.file.name for one in Templates(Paths(tmp_path)).shipped()] == list(SHIPPED)


def test_a_picture_without_an_entry_is_a_template_too(tmp_path):
    folder = tmp_path / "models" / "templates"
    folder.mkdir(parents=True)
    (folder / CATALOG).write_text(ENTRY, encoding="utf-8")
    for name in ("a.jpg", "one.jpg"):
        Image.new("RGB", (8, 8)).save(folder / name)
    first, second = Templates(Paths(tmp_path, tmp_path / "models")).shipped()
    assert first.facts is not None and first.facts.title["zh"] == "一"
    assert (second.file.name, second.facts) == ("a.jpg", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('license = "CC0-1.0"\n', ""),
        ("people = 1", "people = 0"),
        ("people = 1", "people = true"),
        ("validation = true", 'validation = "yes"'),
        (', zh = "一"', ""),
        ('["woman"]', "[1]"),
        ('source = "somebody"', "source = 3"),
        ("people = 1", "people = 1\nfame = 2"),
        ("title =", "title"),
    ],
)
def test_a_damaged_catalog_is_named(tmp_path, old, new):
    assert old in ENTRY
    (tmp_path / CATALOG).write_text(ENTRY.replace(old, new), encoding="utf-8")
    with pytest.raises(BadModel) as caught:
        read_catalog(tmp_path)
    assert caught.value.file == CATALOG and caught.value.remedy
