"""Cards in the host's LoRA browser: none unasked, all of a person's gone with the person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_studio import make_person
from lora_files import numbered_modules, write_lora

from easyphoto.deletion import _forget_loras
from easyphoto.domain import LoraCheckpoint, ModelFamily
from easyphoto.paths import Paths
from easyphoto.webui import lora_cards

pytest.importorskip("torch", reason="copies of LoRAs are written with it; the hosts' pins here have none")


@pytest.fixture
def studio(tmp_path: Path) -> Any:
    paths = Paths(tmp_path / "data")
    anna, ben = make_person(paths, "Anna"), make_person(paths, "Ben")
    file = write_lora(anna.folder / "lora" / "Anna.safetensors", numbered_modules(2), 1.0)
    people = (replace(anna, lora=LoraCheckpoint(file, ModelFamily.SD15, 4, 1)), ben)
    engine = SimpleNamespace(forget=lambda lora: None)
    return SimpleNamespace(paths=paths, library=SimpleNamespace(list=lambda: people), engine=engine)


def test_a_card_has_what_the_hosts_read(studio: Any, tmp_path: Path):
    lora_cards.update(studio, tmp_path / "Lora", True)
    files = sorted((tmp_path / "Lora" / ".easyphoto").iterdir())
    assert [file.suffix for file in files] == [".json", ".png", ".safetensors"]
    assert len({file.stem for file in files}) == 1
    card = json.loads(files[0].read_text(encoding="utf-8"))
    assert (card["description"], card["preferred weight"]) == ("Anna", 0.9)
    assert "easyphoto_face" in card["activation text"]
    assert "Anna" not in files[2].name


def test_what_a_user_wrote_into_a_card_stays_and_off_takes_all_away(studio: Any, tmp_path: Path):
    folder = tmp_path / "Lora" / ".easyphoto"
    lora_cards.update(studio, tmp_path / "Lora", True)
    card = next(folder.glob("*.json"))
    card.write_text("{}")
    lora_cards.update(studio, tmp_path / "Lora", True)
    assert card.read_text() == "{}"
    lora_cards.update(studio, tmp_path / "Lora", False)
    assert [file.suffix for file in folder.iterdir()] == [".safetensors"]


def test_they_go_with_the_person(studio: Any, tmp_path: Path):
    lora_cards.update(studio, tmp_path / "Lora", True)
    assert _forget_loras("anna", studio).files == 1
    assert list((tmp_path / "Lora" / ".easyphoto").iterdir()) == []
