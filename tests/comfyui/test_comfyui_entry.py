"""The file in the root, loaded as ComfyUI does it: by its path, under the path as its name."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fake_comfyui import FakeComfyui

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def entry() -> Any:
    name = str(ROOT).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, ROOT / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_gives_the_nodes_and_leaves_the_path_alone(host: FakeComfyui, entry: Any):
    before = list(sys.path)
    extension = asyncio.run(entry.comfy_entrypoint())
    assert len(asyncio.run(extension.get_node_list())) == 6
    assert sys.path == before
    assert not hasattr(entry, "NODE_CLASS_MAPPINGS") and not hasattr(entry, "WEB_DIRECTORY")


def test_a_package_is_found_without_the_path(entry: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [one for one in sys.path if Path(one or ".").resolve() != ROOT])
    for name in [one for one in sys.modules if one.split(".")[0] == "kohya_train"]:
        monkeypatch.delitem(sys.modules, name)
    entry.bring_in("kohya_train")
    from kohya_train import contract

    assert Path(contract.__file__).is_relative_to(ROOT)


def test_another_package_of_the_name_is_named(entry: Any, monkeypatch: pytest.MonkeyPatch):
    other = ModuleType("kohya_train")
    other.__file__ = "/elsewhere/kohya_train/__init__.py"
    monkeypatch.setitem(sys.modules, "kohya_train", other)
    with pytest.raises(ImportError, match="elsewhere"):
        asyncio.run(entry.comfy_entrypoint())
