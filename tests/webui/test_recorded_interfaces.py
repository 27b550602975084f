"""What the extension uses of its host is what was recorded, and what was recorded is what the host has."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest
from extension_world import FACTS, ROOT, SCRIPT

SOURCES = "EASYPHOTO_WEBUI_SOURCES"  # checkouts of hosts, separated as in PATH


def imported() -> set[tuple[str, str]]:
    """(module, name) of everything the extension's files import from the host."""
    found = set()
    for file in [*(ROOT / "easyphoto" / "webui").rglob("*.py"), SCRIPT]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "modules":
                found |= {(node.module or "", alias.name) for alias in node.names}
    return found


def test_the_extension_imports_recorded_names_only():
    known = {("modules", module.split(".")[1]) for module in (*FACTS["signatures"], *FACTS["values"])}
    known |= {(module, name) for module, names in FACTS["values"].items() for name in names}
    assert len(imported()) > 5
    assert imported() - known == set()


def parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    own = [a.arg for a in (*arguments.posonlyargs, *arguments.args) if a.arg != "self"]
    return own + [f"*{a.arg}" for a in arguments.kwonlyargs]


def functions(tree: ast.Module) -> dict[str, list[str]]:
    """Name, or Class.name, -> parameters."""
    found = {node.name: parameters(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    for holder in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {f"{holder.name}.{f.name}": parameters(f) for f in holder.body if isinstance(f, ast.FunctionDef)}
    return found


@pytest.mark.parametrize(
    "source", [Path(p) for p in os.environ.get(SOURCES, "").split(os.pathsep) if Path(p, "modules").is_dir()] or [None]
)
def test_the_record_is_true(source: Any):
    if source is None:
        pytest.skip(f"{SOURCES} names no checkout of a host")
    found: dict[str, list[str]] = {}
    for file in ("script_callbacks", "options", "shared_items", "initialize_util", "launch_utils", "ui_common"):
        found |= functions(ast.parse((source / "modules" / f"{file}.py").read_text(encoding="utf-8")))
    elsewhere = {"OptionInfo": "OptionInfo.__init__", "opts.add_option": "Options.add_option"}
    for names in FACTS["signatures"].values():
        for name, recorded in names.items():
            unnamed = [one for one in recorded if one != "*name"]  # Forge Classic has no names of callbacks
            assert found[elsewhere.get(name, name)] in (recorded, unnamed), name
    arguments = (source / "modules" / "cmd_args.py").read_text(encoding="utf-8")
    for flag in FACTS["flags"]:
        assert f"--{flag.replace('_', '-')}" in arguments, flag
    made = (source / "modules" / "shared_cmd_options.py").read_text(encoding="utf-8")
    assert all(f"cmd_opts.{name} = " in made for name in FACTS["made flags"])
