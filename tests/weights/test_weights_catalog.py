"""The list of files is whole and true to its form; every address is what the hub documents."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from easyphoto.errors import BadModel, BadRequest
from easyphoto.families import specs
from easyphoto.paths import Paths
from easyphoto.weights import FOLDERS, WeightCatalog, WeightSource, read_catalog
from easyphoto.weights.catalog import FACES
from easyphoto.weights.plan import for_commerce
from easyphoto.weights.table import markdown

MODELS = Paths(Path()).models
ADDRESS = {
    "huggingface": re.compile(r"https://huggingface\.co/[\w.-]+/[\w.-]+/resolve/[\w.-]+/[\w./-]+"),
    "modelscope": re.compile(
        r"https://www\.modelscope\.cn/api/v1/models/[\w.-]+/[\w.-]+/repo\?Revision=[\w.-]+&FilePath=[\w.%-]+"
    ),
    "https": re.compile(r"https://(?:github\.com/[\w./-]+/releases/download|media\.githubusercontent\.com)/[\w./-]+"),
}
GOOD = """
[net]
name = "net.onnx"
role = "detect"
groups = ["faces"]
license = "MIT"
commercial = true
sources = [{ hub = "huggingface", repo = "a/b", revision = "main", path = "net.onnx" }]
"""


@pytest.fixture(scope="module")
def catalog() -> WeightCatalog:
    return read_catalog(MODELS)


def test_the_list_that_ships_is_whole(catalog: WeightCatalog):
    assert len(list(catalog)) > 30
    assert {"sd15", "sdxl", "faces", "faces-commercial"} <= set(catalog.groups)
    places = [file.place for file in catalog]
    assert len(places) == len(set(places))
    assert {file.role for file in catalog} == set(FOLDERS)


def test_every_address_has_the_form_of_its_hub(catalog: WeightCatalog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.delenv("MODELSCOPE_DOMAIN", raising=False)
    monkeypatch.delenv("MODELSCOPE_ENDPOINT", raising=False)
    wrong = [
        source.address
        for file in catalog
        for source in file.sources
        if not ADDRESS[source.hub].fullmatch(source.address)
    ]
    assert wrong == []


def test_the_addresses_by_hand(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    place = {"repo": "a/b", "revision": "v1", "path": "c/d e.pt"}
    assert WeightSource("huggingface", **place).address == "https://huggingface.co/a/b/resolve/v1/c/d%20e.pt"
    found = WeightSource("modelscope", **place).address
    assert found == "https://www.modelscope.cn/api/v1/models/a/b/repo?Revision=v1&FilePath=c%2Fd%20e.pt"
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror:8080/")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "modelscope.ai")
    assert WeightSource("huggingface", **place).address == "http://mirror:8080/a/b/resolve/v1/c/d%20e.pt"
    assert WeightSource("modelscope", **place).host == "modelscope.ai"
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://mirror:8081")  # newer clients ask this one first
    assert WeightSource("modelscope", **place).host == "mirror:8081"


def test_research_files_name_what_may_be_sold(catalog: WeightCatalog):
    assert [file.id for file in catalog if not file.commercial and not file.substitutes] == []
    assert [file.id for file in catalog.substitutes_of(catalog.file("gpen-512"))] == ["gfpgan-1.4"]
    assert [file.id for file in catalog.substitutes_of(catalog.file("aei-net"))] == ["fusion-built-in"]
    assert all(file.commercial for file in catalog.select("faces-commercial"))


@pytest.mark.parametrize(("group", "family"), [("faceid-sd15", "sd15"), ("faceid-sdxl", "sdxl"), ("instantid", "sdxl")])
def test_adapters_with_a_recognizer_for_research_are_replaced_as_a_whole(
    catalog: WeightCatalog, group: str, family: str
):
    files, notes = for_commerce(catalog, [group])
    assert {file.id for file in files} == {f"ip-adapter-plus-face-{family}", "clip-vision-vit-h"}
    assert notes
    with pytest.raises(BadRequest, match="plus-face"):
        for_commerce(catalog, ["instantid-adapter"])


def test_files_that_ship_are_those_of_the_list(catalog: WeightCatalog):
    for file in (one for one in catalog if one.shipped):
        content = (MODELS / file.shipped).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


def test_controlnets_are_taken_for_what_they_are(catalog: WeightCatalog):
    """The engine tells a ControlNet's kind by its name: the names we give must rank."""
    from easyphoto.engines.controlnet_catalog import rank

    kinds = {kind.value: (kind, spec.id) for spec in specs() for kind in spec.controls}
    for file in catalog:
        family = next((spec.id for spec in specs() if file.id.startswith(f"{spec.id.value}-")), None)
        kind = kinds.get({"openpose": "pose"}.get(file.role, file.role))
        if FOLDERS[file.role] == "controlnet" and kind and family:
            assert rank(Path(file.name).stem, kind[0], family) is not None, file.name


def test_a_name_is_a_group_or_a_file(catalog: WeightCatalog):
    assert [file.id for file in catalog.select("gpen-512")] == ["gpen-512"]
    assert {file.id for file in catalog.select("built-in")} == {
        "enhancer-built-in",
        "recognizer-built-in",
        "fusion-built-in",
    }
    with pytest.raises(BadRequest, match="faces-commercial"):
        catalog.select("nothing")
    with pytest.raises(BadRequest):
        catalog.file("faces")


def read(folder: Path, text: str) -> WeightCatalog:
    (folder / "weights.toml").write_text(text, encoding="utf-8")
    return read_catalog(folder)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("[net]", "[Net]", "id"),
        ('name = "net.onnx"', "", "name"),
        ('name = "net.onnx"', 'name = "../net.onnx"', "name"),
        ('role = "detect"', 'role = "cook"', "role"),
        ('groups = ["faces"]', "groups = [1]", "groups"),
        ('license = "MIT"', 'license = ""', "license"),
        ("commercial = true", 'commercial = "yes"', "commercial"),
        ("commercial = true", "commercial = true\nbytes = 0", "bytes"),
        ("commercial = true", "commercial = true\nbytes = true", "bytes"),
        ("commercial = true", 'commercial = true\nsha256 = "12"', "sha256"),
        ("commercial = true", "commercial = true\nsize = 3", "size"),
        ("commercial = true", 'commercial = false\nsubstitutes = ["nobody"]', "substitutes"),
        ('hub = "huggingface"', 'hub = "elsewhere"', "sources"),
        ('repo = "a/b"', 'repo = "a"', "sources"),
        ('path = "net.onnx"', 'path = "../net.onnx"', "sources"),
        ('repo = "a/b", revision = "main", path = "net.onnx"', 'url = "https://x/y"', "sources"),
        ("sources = [{", "ignored = [{", "ignored"),
        ("commercial = true", 'commercial = true\nshipped = "net.onnx"', "sources"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, old: str, new: str, field: str):
    assert read(tmp_path, GOOD).file("net").name == "net.onnx"
    with pytest.raises(BadModel) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert field in caught.value.problem


def test_a_list_that_is_no_toml_is_said(tmp_path: Path):
    with pytest.raises(BadModel):
        read(tmp_path, "[net")
    (tmp_path / "weights.toml").unlink()
    with pytest.raises(BadModel):
        read_catalog(tmp_path)


def test_the_table_of_the_documents_is_fresh(catalog: WeightCatalog):
    written = (MODELS.parent / "docs" / "weights.md").read_text(encoding="utf-8")
    assert written.endswith("\n\n" + markdown(catalog)), "easyphoto weights list --markdown"


def test_every_file_for_faces_has_a_network_that_takes_it(catalog: WeightCatalog):
    from easyphoto.faces.modelscope import files

    used = {value.id for value in vars(files).values() if isinstance(value, files.NetworkFile)}
    assert {file.id for file in catalog if FOLDERS[file.role] == FACES and not file.shipped} == used


def test_every_controlnet_that_a_message_offers_is_on_the_list(catalog: WeightCatalog):
    offered = {files.weights for spec in specs() for files in spec.controls.values() if files.weights}
    assert offered and all(catalog.file(name).place.parts[0] == "controlnet" for name in offered)
