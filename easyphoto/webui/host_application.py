"""What the WebUI's application has of ours from its start on: small, since the WebUI waits for it.

A "Reload UI" runs the host's scripts again and makes a new application; what `functools.cache` remembers here outlives
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from easyphoto.engines.webui.lora_folder import FOLDER as LORA_FOLDER
from easyphoto.webui.export_tickets import ExportTickets
from easyphoto.webui.file_guard import FileGuard
from easyphoto.webui.running_host import RunningHost


@dataclass(frozen=True)
class HostApplication:
    """The guard of our files, the application that runs, and the links that it answers."""

    guard: FileGuard
    running: RunningHost = field(default_factory=RunningHost)
    tickets: ExportTickets = field(default_factory=ExportTickets)


def host_application() -> HostApplication:
    """The one of this process."""
    return host_application_in(data_folder())


@cache
def host_application_in(root: Path) -> HostApplication:
    """The one of that data folder."""
    return HostApplication(FileGuard(partial(private_folders, root)))


def data_folder() -> Path:
    """In the host's data folder, which hosts on gradio 4 serve to anybody: see `FileGuard`."""
    from modules.paths_internal import data_path

    return Path(data_path).resolve() / ".easyphoto"


def private_folders(root: Path) -> tuple[Path, ...]:
    """What no route of the host may hand out: our data folder and our copies among the host's LoRAs."""
    from modules.shared_cmd_options import cmd_opts

    loras = getattr(cmd_opts, "lora_dir", None)
    return (root, *((Path(loras) / LORA_FOLDER,) if loras else ()))
