"""LoRAs in the WebUI: nameless copies in its folder, tags for the prompt, and the proof that they were applied."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from easyphoto.domain import LoraUse
from easyphoto.engines.model_probe import lora_modules
from easyphoto.engines.webui.host import Host, override_options
from easyphoto.engines.webui.lora_folder import FOLDER
from easyphoto.errors import BadModel, EasyPhotoError, NoResources, NoStorage, RenderFailed
from easyphoto.library.filesystem import sha256_of
from easyphoto.lora.copies import note_copy
from easyphoto.private_files import replacing
from easyphoto.system_errors import refusal_of
from easyphoto.tensor_file import read_header

KEPT = ("ss_base_model_version", "ss_v2", "ss_network_module", "ss_network_dim", "ss_network_alpha", "sshs_model_hash")
"""Metadata that the host needs to sort the file in. The rest stays with us: it holds the person's name."""


def add_lora_tags(prompt: str, host: Host, loras: Sequence[LoraUse]) -> str:
    """The prompt with a tag for every LoRA, each of which lies ready where the host finds it.

    Raises BadModel, and RenderFailed where the host has no LoRAs at all.
    """
    tags = [f"<lora:{_ready(host, lora.file)}:{lora.weight:g}>" for lora in loras]
    return " ".join([prompt, *tags])


def _ready(host: Host, file: Path) -> str:
    """The name under which the host lists our copy of that file."""
    networks, target = _networks(), copy_in(_folder(host), file)
    name = target.stem
    if not _is_listed(networks, name, target):
        with override_options(host, {"list_hidden_files": True}):  # else the host overlooks dot-folders
            _look_again(networks, name)
    if not _is_listed(networks, name, target):
        raise RenderFailed("webui.lora-not-listed", stage="LoRA", file=str(target))
    return name


def copy_in(folder: Path, file: Path) -> Path:
    """Our copy of that file there, made if it is not. Raises BadModel, NoStorage, NoResources."""
    target = folder / f"{name_of(file)}.safetensors"
    if not target.is_file():
        with writing_into(folder):
            note_copy(file, target)
            write_anonymous(file, target)
    return target


def _look_again(networks: Any, name: str) -> None:
    """Have the host list that file; Forge Classic can list all files only."""
    if hasattr(networks, "update_available_networks_by_names"):
        networks.update_available_networks_by_names([name])
    else:
        networks.list_available_networks()


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Inside it refusals of the system to write there are told by the folder. Raises NoStorage, NoResources."""
    try:
        yield
    except EasyPhotoError:
        raise
    except Exception as problem:  # libraries in Rust have errors of their own
        refusal = refusal_of(problem, [folder])
        if refusal is None:
            raise
        if isinstance(refusal, NoResources) or refusal.code in ("system.disk-full", "system.quota"):
            raise refusal from problem
        raise NoStorage("webui.lora-folder-refused", stage="LoRA", file=str(folder), why=str(problem)) from problem


def name_of(file: Path) -> str:
    """By content: another file never has the same name, and the host's caches of a name are never stale."""
    return f"easyphoto-{sha256_of(file)[:20]}"


def write_anonymous(file: Path, target: Path) -> None:
    """The same tensors without the metadata that tell of the person; complete or not there. Raises BadModel."""
    from safetensors.torch import load_file, save_file

    kept = {key: value for key, value in read_header(file).metadata.items() if key in KEPT}
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as part:
        save_file(load_file(str(file)), str(part), kept or None)


def _networks() -> Any:
    """The host's LoRA module. Raises RenderFailed where its built-in extension is off."""
    networks = sys.modules.get("networks")
    if networks is None or not hasattr(networks, "available_network_aliases"):
        raise RenderFailed("webui.no-lora-extension", stage="LoRA")
    return networks


def _folder(host: Host) -> Path:
    root = getattr(host.shared.cmd_opts, "lora_dir", None)
    if not root:
        raise RenderFailed("webui.no-lora-folder", stage="LoRA")
    return Path(root) / FOLDER


def _is_listed(networks: Any, name: str, target: Path) -> bool:
    entry = networks.available_network_aliases.get(name)
    return entry is not None and Path(entry.filename).resolve() == target.resolve()


def check_applied(host: Host, loras: Sequence[LoraUse], comments: str) -> None:
    """Raise BadModel unless the LoRAs were applied with all their modules; the host itself says nothing of misfits.

    `comments` is what the host remarked on its picture: it names LoRAs that failed in single layers. Not every host
    tells which LoRA a layer's change is from, so all are counted together.
    """
    if not loras:
        return
    names = {name_of(lora.file): lora.file for lora in loras}
    for name, file in names.items():
        if name in comments:
            raise BadModel("webui.lora-other-sizes", stage="LoRA", file=str(file))
    loaded = [network for network in _networks().loaded_networks if network.name in names]
    applied = host.kind.applied(host.shared.sd_model, loaded)
    wanted = sum(len(lora_modules(file)) for file in names.values())
    if applied != wanted:
        files = ", ".join(str(file) for file in names.values())
        raise BadModel("webui.lora-incomplete", stage="LoRA", file=files, applied=applied, modules=wanted)


def forget(host: Host, file: Path) -> None:
    """Remove our copy of that file, from the host's folder, list and memory."""
    name, root = name_of(file), getattr(host.shared.cmd_opts, "lora_dir", None)
    if root:
        (Path(root) / FOLDER / f"{name}.safetensors").unlink(missing_ok=True)
    networks = sys.modules.get("networks")
    if networks is None:
        return
    memory = getattr(networks, "networks_in_memory", {})  # hosts that patch weights keep no networks
    memory.pop(name, None)
    networks.loaded_networks[:] = [network for network in networks.loaded_networks if network.name != name]
    entry = networks.available_networks.pop(name, None)
    for listing in (networks.available_network_aliases, networks.available_network_hash_lookup):
        for key in [key for key, value in listing.items() if value is entry]:
            del listing[key]
    clear = getattr(getattr(networks, "load_lora_state_dict", None), "cache_clear", None)
    if clear is not None:  # files that it read lately are kept in memory
        clear()
