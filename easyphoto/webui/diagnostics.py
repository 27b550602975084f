"""What the diagnosis finds inside the WebUI: the host, its models, who can reach us; nothing of user or pictures."""

from __future__ import annotations

import os
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
    damaged_lists,
    devices,
    discreet,
    face_models,
    folders,
    installed,
    machine,
    nearest_existing,
    version_of,
    weights,
    writable,
)
from easyphoto.domain import HintKind, ModelFamily
from easyphoto.engines.controlnet_catalog import known, rank
from easyphoto.families import foreign_labels, specs
from easyphoto.locales import message
from easyphoto.paths import Paths
from easyphoto.webui import access

if TYPE_CHECKING:
    from easyphoto.webui.runtime import AppState

PACKAGES = tuple(name for name in NEEDED if name != "rich")  # that one is for the console


def examine(state: AppState) -> list[Finding]:
    """Machine, host, packages, models, folders, openness."""
    paths = state.studio.paths
    found = [*machine(), *host(), *installed(PACKAGES, message("doctor.restart")), *devices(), face_models(paths)]
    found += [
        *sources(),
        *host_models(state),
        *controlnet(),
        *weights(state.studio.weights),
        training(paths),
        *folders(paths),
        *damaged_lists(paths),
        data_folder_exposure(state),
        network_exposure(),
    ]
    return found


def host() -> Iterator[Finding]:
    """Which WebUI, and which gradio it brings."""
    from modules import launch_utils

    from easyphoto.engines.webui.host import current_host

    yield Finding("webui", GOOD, f"{current_host().kind.name} {launch_utils.git_tag()}")
    yield Finding("gradio", GOOD, version_of("gradio"))


def sources() -> Iterator[Finding]:
    """Whether a new installation of the host would find all of its sources."""
    from easyphoto.engines.webui.host import current_host
    from easyphoto.engines.webui.host_kinds import SOURCE_VARIABLE

    lost = current_host().kind.lost_source
    if lost and lost in os.environ.get(SOURCE_VARIABLE, lost):
        yield Finding(
            "sources",
            ABSENT,
            message("doctor.source-gone", source=lost),
            message("doctor.set-source", variable=SOURCE_VARIABLE),
        )


def host_models(state: AppState) -> Iterator[Finding]:
    """What we use of the host's: checkpoints and the LoRA folder."""
    from modules.shared_cmd_options import cmd_opts

    count = len(state.studio.engine.checkpoints())
    yield Finding(
        "checkpoints",
        GOOD if count else MISSING,
        message("doctor.usable", count=count),
        "" if count else message("doctor.no-checkpoint", families=foreign_labels()),
    )
    folder = getattr(cmd_opts, "lora_dir", "")  # the host's built-in Lora extension brings the option
    if not folder:
        yield Finding("lora", MISSING, message("doctor.no-lora"), message("doctor.enable-lora"))
    elif not writable(nearest_existing(Path(folder))):
        yield Finding(
            "lora", MISSING, message("doctor.lora-not-writable", folder=folder), message("doctor.give-rights")
        )
    elif Path(folder).is_dir():
        yield Finding("lora", GOOD, message("doctor.folder-there"))
    else:
        yield Finding("lora", ABSENT, message("doctor.folder-missing"), message("doctor.folder-made"))


def controlnet() -> Iterator[Finding]:
    """Whether it is there, and which of its models serve which hint."""
    from easyphoto.engines.webui.controlnet_units import ControlNetModels, why_absent
    from easyphoto.engines.webui.host import current_host

    absent = why_absent(current_host())
    if absent is not None:
        yield Finding("controlnet", ABSENT, *absent.messages())
        return
    version = getattr(
        sys.modules.get("scripts.controlnet_version"), "version_flag", f"{current_host().kind.name}'s own"
    )
    installed = ControlNetModels(current_host())
    names = list(installed.models())
    yield Finding("controlnet", GOOD, message("doctor.controlnet", version=version, count=len(names)))
    for spec in specs():
        for kind in spec.controls:
            yield _hint(kind, spec.id, names, installed.folder)


def _hint(kind: HintKind, family: ModelFamily, names: list[str], folder: str) -> Finding:
    """The best of those models for that hint, or where to get one."""
    title, files = f"{kind.value} for {family.value}", known(kind, family)
    found = sorted((place, name) for name in names if (place := rank(name, kind, family)) is not None)
    if found:
        return Finding(title, GOOD, found[0][1])
    if not files.file:
        return Finding(title, ABSENT)
    where = {"model": files.file, "source": files.source, "folder": discreet(Path(folder))}
    return Finding(title, ABSENT, "", message("doctor.optional-model", **where))


def training(paths: Paths) -> Finding:
    """Whether the trainer has its packages already."""
    from easyphoto.training.environment import STAMP

    made = any(paths.trainer.glob(f"*/{STAMP}"))
    if made:
        return Finding("trainer", GOOD, message("doctor.packages-there"))
    return Finding("trainer", ABSENT, message("doctor.packages-missing"), message("doctor.packages-fetched"))


def data_folder_exposure(state: AppState) -> Finding:
    """Whether the running host hands out files of ours: one of each private folder is asked for."""
    files = [file for folder in state.application.guard.folders() if (file := _any_file(folder))]
    served = [file for file in files if state.application.running.serves(file)]
    if served:
        return Finding("privacy", MISSING, message("doctor.exposed"), message("doctor.close-network"))
    if not files or not state.application.running.started:
        return Finding("privacy", ABSENT, message("doctor.exposure-unknown"), message("doctor.examine-later"))
    return Finding("privacy", GOOD, message("doctor.private"))


def _any_file(folder: Path) -> Path | None:
    return next((file for file in folder.rglob("*") if file.is_file()), None)


def network_exposure() -> Finding:
    """Who can come in."""
    from modules.shared_cmd_options import cmd_opts

    page, api = bool(access.page_accounts()), bool(access.api_accounts())
    login = _LOGINS[page, api]
    if not cmd_opts.webui_is_non_local:
        return Finding(
            "reach", GOOD, message("doctor.local", login=login) if page or api else message("doctor.local-open")
        )
    if page:
        return Finding("reach", GOOD, message("doctor.network", login=login))
    found = message("doctor.network-api-only") if api else message("doctor.network-open")
    return Finding("reach", MISSING, found, message("doctor.no-login"))


_LOGINS = {(True, True): "page, API", (True, False): "page", (False, True): "API", (False, False): ""}
