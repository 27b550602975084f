"""Uploads leave gradio's folder, which a WebUI shows to anybody, and are swept out of ours."""

from __future__ import annotations

import io
import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from host_python import host_python
from PIL import Image

from easyphoto.errors import BadRequest
from easyphoto.library.uploads import KEEP_SECONDS
from easyphoto.ui.components import not_pictures
from easyphoto.ui.i18n import Translator
from easyphoto.ui.uploads import BrowserUploads

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def gradios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "gradio"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> BrowserUploads:
    return BrowserUploads(tmp_path / "data" / "uploads")


def laid(file: Path, text: str = "photo") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def old_gradios(upload: Path | str, copy: Path) -> SimpleNamespace:
    """What 3.41 hands over."""
    return SimpleNamespace(name=str(copy), orig_name=str(upload))


def test_nothing_is_left_with_a_new_gradio(store: BrowserUploads, gradios: Path):
    brought = store.take([str(laid(gradios / "a1" / "me.png"))])
    assert [(one.name, one.file.read_text()) for one in brought] == [("me.png", "photo")]
    assert list(gradios.iterdir()) == []


def test_nothing_is_left_with_an_old_gradio(store: BrowserUploads, gradios: Path):
    upload, copy = laid(gradios / "token" / "me.png"), laid(gradios / "sha1" / "me.png")
    brought = store.take([old_gradios(upload, copy)])
    assert [(one.name, one.file.read_text()) for one in brought] == [("me.png", "photo")]
    assert list(gradios.iterdir()) == []


def test_a_copy_that_another_page_took_away_is_not_needed(store: BrowserUploads, gradios: Path):
    upload = laid(gradios / "token" / "me.png")
    assert store.take(old_gradios(upload, gradios / "sha1" / "me.png"))[0].file.read_text() == "photo"


def test_a_file_of_the_machine_cannot_be_named(store: BrowserUploads, gradios: Path, tmp_path: Path):
    secret, copy = laid(tmp_path / "secret.txt"), laid(gradios / "sha1" / "secret.txt")
    for named in (
        secret,
        os.path.relpath(secret),
        gradios / "x" / ".." / ".." / "secret.txt",
        gradios.parent / "gradio-not" / "x.png",
    ):
        with pytest.raises(BadRequest):
            store.take(old_gradios(named, laid(copy)))
        assert not copy.exists()
    assert secret.exists()


def test_content_that_came_inside_the_message_has_a_bare_name(store: BrowserUploads, gradios: Path):
    assert store.take(old_gradios("me.png", laid(gradios / "sha1" / "me.png")))[0].name == "me.png"
    assert list(gradios.iterdir()) == []


def test_nothing_is_taken_of_a_message_that_names_a_file_of_the_machine(
    store: BrowserUploads, gradios: Path, tmp_path: Path
):
    file = laid(tmp_path / "mine.png")
    (gradios / "a").mkdir()
    (gradios / "a" / "link.png").symlink_to(file)
    for named in (file, gradios / "a" / "link.png", gradios / "x" / ".." / ".." / "mine.png", Path("pyproject.toml")):
        sent = laid(gradios / "b" / "me.png")
        with pytest.raises(BadRequest):
            store.take([str(sent), str(named)])
        assert not sent.exists()
    assert file.exists()
    assert not (tmp_path / "data").exists()


def test_nothing_comes_of_nothing(store: BrowserUploads, gradios: Path):
    assert store.take(None) == []


def test_what_another_page_has_taken_is_not_passed_over_in_silence(store: BrowserUploads, gradios: Path):
    gone, there = str(gradios / "a" / "gone.png"), str(laid(gradios / "b" / "me.png"))
    with pytest.raises(BadRequest) as caught:
        store.take([gone])
    assert (caught.value.code, caught.value.params["name"]) == ("upload.vanished", "gone.png")
    assert [one.name for one in store.take([gone, there])] == ["me.png"]


def test_borrowed_files_are_gone_afterwards_and_dropped_ones_at_once(
    store: BrowserUploads, gradios: Path, tmp_path: Path
):
    with store.temporary(str(laid(gradios / "a" / "p.zip"))) as files:
        assert files[0].file.is_file()
    assert not files[0].file.exists()
    outside = laid(tmp_path / "outside.png")
    store.drop(outside, tmp_path / "data" / "uploads" / "gone")
    assert outside.exists()


def test_what_nobody_came_back_for_is_swept_away(store: BrowserUploads, gradios: Path, tmp_path: Path):
    old, new = (store.take(str(laid(gradios / name / "a.png")))[0].file for name in "ab")
    long_ago = time.time() - KEEP_SECONDS - 60
    os.utime(old.parent, (long_ago, long_ago))
    store.take(str(laid(gradios / "c" / "a.png")))
    assert (old.exists(), new.exists()) == (False, True)


OLD_GRADIO = """
import os, sys, pathlib
folder = pathlib.Path(os.environ["GRADIO_TEMP_DIR"])
sys.path[:0] = ["."]
import gradio
from easyphoto.ui import compat
from easyphoto.ui.components import not_pictures
from easyphoto.ui.i18n import Translator
from easyphoto.ui.uploads import BrowserUploads
sent = folder / "upload" / "me.png"
sent.parent.mkdir(parents=True)
sent.write_text("photo")
with gradio.Blocks():
    fields = [compat.upload_field("photos", "a"), compat.folder_button("folder", "b")]
for field in fields:
    sent.parent.mkdir(exist_ok=True)
    sent.write_text("photo")
    if gradio.__version__ < "4":
        value = [{"name": str(sent), "orig_name": "me.png", "data": None, "is_file": True}]
    else:
        value = field.data_model([{"path": str(sent), "orig_name": "me.png", "meta": {"_type": "gradio.FileData"}}])
    brought = BrowserUploads(folder.parent / "uploads").take(field.preprocess(value))
    assert [(b.name, b.file.read_text()) for b in brought] == [("me.png", "photo")], brought
print(gradio.__version__[0], [f.read_text() for f in folder.rglob("*") if f.is_file() and f.stat().st_size])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "version"), [("a1111", "3"), ("forge", "4")])
def test_nothing_is_left_with_the_hosts_gradio(tmp_path: Path, kind: str, version: str):
    python = host_python(kind)
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "gradio")}
    done = subprocess.run(
        [python, "-c", OLD_GRADIO], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.split() == [version, "[]"], done.stderr


def test_what_is_no_picture_is_named_and_the_pictures_stay(store: BrowserUploads, gradios: Path):
    picture = io.BytesIO()
    Image.new("RGB", (9, 9)).save(picture, "PNG")
    named = [("notes.txt", b"words"), ("half.jpg", b"\xff\xd8"), ("photo", picture.getvalue())]
    value = []
    for name, content in named:
        (gradios / name.replace(".", "-")).mkdir()
        value.append(gradios / name.replace(".", "-") / name)
        value[-1].write_bytes(content)
    kept, others = store.take_pictures([str(file) for file in value])
    assert [one.name for one in kept] == ["half.jpg", "photo"]  # a damaged picture is shown with the reason
    assert others == ["notes.txt"]
    assert "notes.txt" in not_pictures(others, Translator()) and not not_pictures([], Translator())
