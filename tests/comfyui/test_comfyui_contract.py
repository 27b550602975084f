"""What the nodes use of ComfyUI is in its sources: `python start.py test-host PATH` shows whether an update breaks it.

The same parameters are what the fake ComfyUI of the other tests takes.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from fake_comfyui import PARAMETERS, SCHEMA

from easyphoto.engines.comfyui.sampling import METHODS, SCHEDULES
from easyphoto.families import specs

SOURCES = "EASYPHOTO_WEBUI_SOURCES"  # checkouts of hosts, separated as in PATH
PLACES = [Path(one) for one in os.environ.get(SOURCES, "").split(os.pathsep) if one and Path(one, "comfy").is_dir()]


class Sources:
    """A checkout that is read without running it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def tree(self, file: str) -> ast.Module:
        return ast.parse((self.root / file).read_text(encoding="utf-8"))

    def named(self, file: str, *path: str) -> ast.AST:
        """The class or function of that name, inside of the ones before it."""
        node: ast.AST = self.tree(file)
        for name in path:
            inside = [one for one in ast.iter_child_nodes(node) if getattr(one, "name", None) == name]
            assert inside, f"{file} has no {'.'.join(path)}"
            node = inside[0]
        return node

    def parameters(self, file: str, *path: str) -> set[str]:
        """Of a function, or of the dataclass's fields."""
        node = self.named(file, *path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = node.args
            return {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
        assert isinstance(node, ast.ClassDef)
        return {
            one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        }

    def text(self, file: str) -> str:
        return (self.root / file).read_text(encoding="utf-8")


@pytest.fixture(params=PLACES or [None], ids=lambda place: place.name if place else "none")
def host(request: pytest.FixtureRequest) -> Sources:
    if request.param is None:
        pytest.skip(f"{SOURCES} names no checkout of ComfyUI")
    return Sources(request.param)


IO = "comfy_api/latest/_io.py"
WITHOUT_WIDGET = ("Image", "Mask", "Model", "Clip", "Vae", "ControlNet", "Custom")


def test_inputs_take_what_they_are_given(host: Sources):
    for name, used in PARAMETERS.items():
        path = ("Input", "__init__") if name in WITHOUT_WIDGET else (name, "Input", "__init__")
        assert set(used) - host.parameters(IO, *path) == set(), name
        host.named(IO, name)
    assert {"id", "display_name", "tooltip", "is_output_list"} <= host.parameters(IO, "Output", "__init__")


def test_schemas_and_nodes_are_of_this_shape(host: Sources):
    assert set(SCHEMA) - host.parameters(IO, "Schema") == set()
    for method in ("define_schema", "execute", "validate_inputs", "fingerprint_inputs"):
        host.named(IO, "ComfyNode", method)
    assert "ui" in host.parameters(IO, "NodeOutput", "__init__")
    assert 'unique_id = "UNIQUE_ID"' in host.text(IO)
    host.named("comfy_api/latest/__init__.py", "ComfyExtension", "get_node_list")
    assert "comfy_entrypoint" in host.text("nodes.py")


def test_models_are_patched_and_sampled_with_these_functions(host: Sources):
    lora = host.parameters("comfy/sd.py", "load_lora_for_models")
    assert {"model", "clip", "lora", "strength_model", "strength_clip"} <= lora
    assert "safe_load" in host.parameters("comfy/utils.py", "load_torch_file")
    assert {"latent_image", "seed"} <= host.parameters("comfy/sample.py", "prepare_noise")
    sampled = host.parameters("comfy/sample.py", "sample")
    assert {"denoise", "noise_mask", "callback", "disable_pbar", "seed"} <= sampled
    hint = host.parameters("comfy/controlnet.py", "ControlBase", "set_cond_hint")
    assert {"cond_hint", "strength", "timestep_percent_range", "vae"} <= hint
    host.named("comfy/controlnet.py", "ControlBase", "set_previous_controlnet")
    for method in ("encode_from_tokens_scheduled", "tokenize"):
        host.named("comfy/sd.py", "CLIP", method)
    for name in (*METHODS.values(), *SCHEDULES.values()):
        assert f'"{name}"' in host.text("comfy/samplers.py"), name


def test_families_are_classes_of_configurations(host: Sources):
    for spec in specs():
        if spec.probe is not None:
            host.named("comfy/supported_models.py", spec.probe.comfyui_class)


def test_memory_progress_and_the_button_are_there(host: Sources):
    for name in ("unload_all_models", "soft_empty_cache", "processing_interrupted", "InterruptProcessingException"):
        host.named("comfy/model_management.py", name)
    assert "OOM_EXCEPTION" in host.text("comfy/model_management.py")
    assert {"total", "node_id"} <= host.parameters("comfy/utils.py", "ProgressBar", "__init__")
    assert "listen" in host.text("comfy/cli_args.py")


def test_folders_have_their_functions(host: Sources):
    for name in (
        *("get_input_directory", "get_output_directory", "get_user_directory"),
        *("get_filename_list", "get_full_path", "get_save_image_path"),
    ):
        host.named("folder_paths.py", name)
