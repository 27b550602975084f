"""What the doctor sees inside the WebUI: the host, its models, who can reach us; nothing of the user or of pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from easyphoto.diagnostics import (
    ABSENT,
    GOOD,
    MISSING,
    NEEDED,
    Finding,
    devices,
    discreet,
    face_models,
    folders,
    installed,
    machine,
    version_of,
)
from easyphoto.domain import HintKind, ModelFamily
from easyphoto.engines.controlnet_catalog import known, rank
from easyphoto.families import specs
from easyphoto.paths import Paths
from easyphoto.webui import access

if TYPE_CHECKING:
    from easyphoto.webui.runtime import AppState

PACKAGES = tuple(name for name in NEEDED if name != "rich")  # that one is for the console
NO_CHECKPOINT = "put an SD 1.5 or SDXL checkpoint (.safetensors) into models/Stable-diffusion and refresh the list"
NO_LOGIN = "whoever reaches this WebUI sees everybody's pictures; start it with --gradio-auth, or without --listen"
RESTART = "start the WebUI without --skip-install, it fetches what is missing"


def examine(state: AppState) -> list[Finding]:
    """Machine, host, packages, models, folders, openness."""
    paths = state.studio.paths
    found = [*machine(), *host(), *installed(PACKAGES, RESTART), *devices(), face_models(paths)]
    found += [
        *host_models(state),
        *controlnet(),
        training(paths),
        *folders(paths),
        data_folder_exposure(paths),
        network_exposure(),
    ]
    return found


def host() -> Iterator[Finding]:
    """Which WebUI, and which gradio it brings."""
    from modules import launch_utils

    kind = "Forge" if "modules_forge" in sys.modules else "AUTOMATIC1111"
    yield Finding("webui", GOOD, f"{kind} {launch_utils.git_tag()}")
    yield Finding("gradio", GOOD, version_of("gradio"))


def host_models(state: AppState) -> Iterator[Finding]:
    """What we use of the host's: checkpoints and the LoRA folder."""
    from modules.shared_cmd_options import cmd_opts

    count = len(state.studio.engine.checkpoints())
    yield Finding("checkpoints", GOOD if count else MISSING, f"{count} usable", "" if count else NO_CHECKPOINT)
    folder = getattr(cmd_opts, "lora_dir", "")  # the host's built-in Lora extension brings the option
    if not folder:
        yield Finding("lora", MISSING, "the WebUI wears no LoRAs", "enable its built-in extension Lora")
    elif Path(folder).is_dir():
        yield Finding("lora", GOOD, "the folder is there")
    else:
        yield Finding("lora", ABSENT, "the folder is not there yet", "the first portrait makes it")


def controlnet() -> Iterator[Finding]:
    """Whether it is there, and which of its models serve which hint."""
    from easyphoto.engines.webui.controlnet_units import ControlNetModels, why_absent
    from easyphoto.engines.webui.host import current_host

    absent = why_absent(current_host())
    if absent is not None:
        yield Finding("controlnet", ABSENT, absent.problem, absent.remedy)
        return
    version = getattr(sys.modules.get("scripts.controlnet_version"), "version_flag", "Forge's own")
    installed = ControlNetModels(current_host())
    names = list(installed.models())
    yield Finding("controlnet", GOOD, f"{version}, {len(names)} models")
    for spec in specs():
        for kind in spec.controls:
            yield _hint(kind, spec.id, names, installed.folder)


def _hint(kind: HintKind, family: ModelFamily, names: list[str], folder: str) -> Finding:
    """The best of those models for that hint, or where to get one."""
    title, files = f"{kind.value} for {family.value}", known(kind, family)
    found = sorted((place, name) for name in names if (place := rank(name, kind, family)) is not None)
    if found:
        return Finding(title, GOOD, found[0][1])
    remedy = f"optional: {files.file} from {files.source} into {discreet(Path(folder))}" if files.file else ""
    return Finding(title, ABSENT, "", remedy)


def training(paths: Paths) -> Finding:
    """Whether the trainer has its packages already."""
    from easyphoto.training.environment import STAMP

    made = any(paths.trainer.glob(f"*/{STAMP}"))
    if made:
        return Finding("trainer", GOOD, "its packages are there")
    return Finding("trainer", ABSENT, "its packages are not there yet", "the first training fetches them, once")


def data_folder_exposure(paths: Paths) -> Finding:
    """Whether the host refuses to serve what lies in the data folder."""
    if any(part.startswith(".") for part in paths.root.parts):
        return Finding("privacy", GOOD, "the WebUI serves no file out of the data folder")
    return Finding("privacy", MISSING, "the WebUI serves the data folder to anybody", "please report this")


def network_exposure() -> Finding:
    """Who can come in."""
    from modules.shared_cmd_options import cmd_opts

    page, api = bool(access.page_accounts()), bool(access.api_accounts())
    logins = ", ".join(name for name, there in (("page", page), ("API", api)) if there)
    if not cmd_opts.webui_is_non_local:
        return Finding("reach", GOOD, f"this machine only{f'; login for {logins}' if logins else ''}")
    if page:
        return Finding("reach", GOOD, f"the network; login for {logins}")
    closed = "; the API has one" if api else ""
    return Finding("reach", MISSING, f"the network, without a login for the page{closed}", NO_LOGIN)
