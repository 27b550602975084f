"""The example workflows name nodes and inputs as they are, and the page's format holds the same graph as the API's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fake_comfyui import FakeComfyui

FOLDER = Path(__file__).resolve().parents[2] / "example_workflows"
NAMES = [file.stem for file in sorted(FOLDER.glob("*.json"))]


def read(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """In the page's format and in the API's."""
    page, api = (json.loads((folder / f"{name}.json").read_text("utf-8")) for folder in (FOLDER, FOLDER / "api"))
    return page, api


def test_there_are_examples_with_a_picture():
    assert len(NAMES) == 2
    assert (FOLDER / f"{NAMES[0]}.jpg").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_nodes_have_the_inputs_that_are_set(host: FakeComfyui, name: str):
    from easyphoto.comfyui.extension import EasyPhotoExtension

    schemas = [one.define_schema() for one in asyncio.run(EasyPhotoExtension().get_node_list())]
    known = {schema.node_id: schema for schema in schemas}
    _, api = read(name)
    ours = [one for one in api.values() if one["class_type"] in known]
    assert len(ours) >= 3
    for node in ours:
        inputs = {one.id: one for one in known[node["class_type"]].inputs}
        assert set(node["inputs"]) <= set(inputs)
        assert {key for key, one in inputs.items() if not one.optional} <= set(node["inputs"])
        assert node["inputs"].get("consent") in (None, False), "whoever is shown is asked by the user"


@pytest.mark.parametrize("name", NAMES)
def test_both_formats_hold_one_graph(name: str):
    page, api = read(name)
    nodes = {str(node["id"]): node for node in page["nodes"]}
    assert {key: node["type"] for key, node in nodes.items()} == {key: one["class_type"] for key, one in api.items()}
    wires = {
        (str(to), nodes[str(to)]["inputs"][slot]["name"]): [str(of), at] for _, of, at, to, slot, _ in page["links"]
    }
    linked = {(key, to): value for key, one in api.items() for to, value in one["inputs"].items() if _is_link(value)}
    assert wires == linked
    for key, one in api.items():
        literal = [value for value in one["inputs"].values() if not _is_link(value)]
        assert [value for value in literal if value not in nodes[key]["widgets_values"]] == []


def _is_link(value: Any) -> bool:
    return isinstance(value, list)
