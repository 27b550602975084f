"""What is installed, what is missing and where it belongs; names neither the user nor their pictures."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto import __version__
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.modelscope.files import missing
from easyphoto.locales import Message, catalogue, message
from easyphoto.paths import Paths
from easyphoto.providers import AUTO, Toolboxes
from easyphoto.sqlite_damage import all_set_aside
from easyphoto.weights import Presence, WeightStore

NEEDED = (
    *("numpy", "pillow", "opencv-python-headless", "scikit-image", "scipy", "onnxruntime"),
    *("safetensors", "filelock", "jinja2", "rich"),
    *(("tomli",) if sys.version_info < (3, 11) else ()),
)
TO_TRAIN = ("torch", "diffusers", "transformers", "peft", "accelerate", "psutil")
OPTIONAL = {"gradio": "ui", "modelscope": "modelscope", "xformers": "xformers"}
HEIC = ("pi-heif", "pillow-heif")
FACE_MODELS = (
    "detector_back.onnx",
    "detector_full.onnx",
    "enhancer.onnx",
    "mesh.onnx",
    "recogniser.onnx",
    "matte.onnx",
)
ROOM_GB = 2.0
GOOD, MISSING, ABSENT = "ok", "missing", "-"  # ABSENT: optional, not there


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis."""

    name: str
    state: str
    found: Message | str = ""  # a version or a name stands as it is
    todo: Message | str = ""

    @property
    def value(self) -> str:
        """What was found, in English."""
        return str(self.found)

    @property
    def remedy(self) -> str:
        """What to do, in English; empty when nothing is."""
        return str(self.todo)

    @property
    def title(self) -> Message | str:
        """The name for people; that of a package or a program stands as it is."""
        key = f"doctor.name.{self.name.replace(' ', '-')}"
        return Message(key) if key in catalogue("en") else self.name

    @property
    def level(self) -> Message | str:
        """The state for people."""
        return Message(f"doctor.state.{self.state}") if self.state != ABSENT else self.state

    def as_json(self) -> dict[str, Any]:
        """In English, and as codes with parameters; what has no code, like a version, is its text alone."""
        told = {"value_message": _coded(self.found), "remedy_message": _coded(self.todo)}
        return {"name": self.name, "state": self.state, "value": self.value, "remedy": self.remedy, **told}


def _coded(told: Message | str) -> dict[str, Any] | None:
    return told.as_json() if isinstance(told, Message) else None


def diagnose(paths: Paths) -> Iterator[Finding]:
    """Machine, packages, devices, models, folders."""
    yield from machine()
    yield from packages()
    yield from devices()
    yield from models(paths)
    yield from weights(WeightStore.of(paths))
    yield from face_tools(paths)
    yield from folders(paths)
    yield from damaged_lists(paths)


def machine() -> Iterator[Finding]:
    """What we run on."""
    yield Finding("easyphoto", GOOD, __version__)
    yield Finding("python", GOOD, f"{platform.python_version()} ({platform.python_implementation()})")
    yield Finding("system", GOOD, f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield Finding("processors", GOOD, str(os.cpu_count()))


def packages() -> Iterator[Finding]:
    """Versions, without importing anything."""
    yield from installed(NEEDED, message("doctor.install"))
    yield from installed(TO_TRAIN, message("doctor.install-train"))
    for name, extra in OPTIONAL.items():
        version = version_of(name)
        yield Finding(
            name, GOOD if version else ABSENT, version, "" if version else message("doctor.optional", extra=extra)
        )
    yield attention()
    yield heic_decoder()


def attention() -> Finding:
    """What trainer and engine compute attention with on CUDA; elsewhere it is always torch's own."""
    version = version_of("xformers")
    return Finding("attention", GOOD, f"xformers {version}" if version else message("doctor.attention"))


def heic_decoder() -> Finding:
    """What reads photos as an iPhone saves them; a WebUI's Pillow may be too old for the one of our lock."""
    found = next((name for name in HEIC if version_of(name)), "")
    if not found:
        return Finding(HEIC[0], ABSENT, "", Message("errors.picture.needs-heic.remedy"))
    return Finding(found, GOOD, version_of(found))


def installed(names: Sequence[str], remedy: Message) -> Iterator[Finding]:
    """Packages that must be there; `remedy` says how they get there."""
    for name in names:
        version = version_of(name)
        yield Finding(name, GOOD if version else MISSING, version, "" if version else remedy)


def version_of(name: str) -> str:
    """Installed version, or nothing; OpenCV and ONNX Runtime come under several names."""
    stem = name.removesuffix("-headless")
    for candidate in dict.fromkeys((name, stem, "opencv-contrib-python-headless", "onnxruntime-gpu")):
        if candidate.split("-")[0] != name.split("-")[0]:
            continue
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def devices() -> Iterator[Finding]:
    """What torch can compute on."""
    if importlib.util.find_spec("torch") is None:
        yield Finding("devices", MISSING, "", message("doctor.no-torch"))
        return
    import torch

    found = [f"cpu ({torch.get_num_threads()})"]
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        found += [f"{torch.cuda.get_device_name(n)} {_gigabytes(_memory_of(n))}" for n in range(count)]
    if torch.backends.mps.is_available():
        found.append("mps")
    yield Finding("devices", GOOD, "; ".join(found))


def _memory_of(device: int) -> int:
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory)


def models(paths: Paths) -> Iterator[Finding]:
    """Files that ship with the program."""
    yield face_models(paths)
    weights = sorted(paths.base_model.rglob("*.safetensors"))
    size = sum(file.stat().st_size for file in weights)
    yield _shipped("base model", [] if weights else ["*.safetensors"], paths.base_model, f"{size / 1e6:.0f} MB")


def weights(store: WeightStore) -> Iterator[Finding]:
    """Files that are not part of the program: how many a group has of those it needs."""
    try:
        catalog = store.catalog
    except EasyPhotoError as error:  # the list that ships is gone or damaged
        yield Finding("weights", MISSING, *error.messages())
        return
    states = [store.state(file) for file in catalog if not file.shipped]
    ready = {state.file.id for state in states if state.presence in (Presence.READY, Presence.UNCHECKED)}
    groups = [(name, [state for state in states if name in state.file.groups]) for name in catalog.groups]
    counted = [f"{name} {sum(one.file.id in ready for one in some)}/{len(some)}" for name, some in groups if some]
    yield Finding("weights", GOOD if ready else ABSENT, ", ".join(counted), message("doctor.weights"))
    if bad := [state.file.id for state in states if state.presence is Presence.DAMAGED]:
        yield Finding("damaged weights", MISSING, ", ".join(bad), message("doctor.weights-damaged"))


def face_models(paths: Paths) -> Finding:
    """What finds and knows faces."""
    missing = [name for name in FACE_MODELS if not (paths.face_models / name).is_file()]
    return _shipped("face models", missing, paths.face_models, message("doctor.files", count=len(FACE_MODELS)))


def face_tools(paths: Paths) -> Iterator[Finding]:
    """Which provider ``auto`` takes for each role that networks can be fetched for, and which of their files lack."""
    chosen = Toolboxes(paths).choice(AUTO).by_role
    for role, files in missing(paths).items():
        lacking = message("doctor.network-file", weights=discreet(files[0])) if files else ""
        yield Finding(f"faces {role.value}", ABSENT if files else GOOD, chosen[role], lacking)


def _shipped(name: str, missing: list[str], folder: Path, value: Message | str) -> Finding:
    if missing:
        return Finding(name, MISSING, ", ".join(missing), message("doctor.belongs-into", folder=discreet(folder)))
    return Finding(name, GOOD, value)


def folders(paths: Paths) -> Iterator[Finding]:
    """Room and rights in the data folder and the temporary one."""
    for name, folder in (("data folder", paths.root), ("temporary folder", Path(tempfile.gettempdir()))):
        place = nearest_existing(folder)
        free = shutil.disk_usage(place).free
        state: str = GOOD
        remedy: Message | str = ""
        if not writable(place):
            state, remedy = MISSING, message("doctor.not-writable")
        elif free < ROOM_GB * 1e9:
            state, remedy = MISSING, message("doctor.little-room", room=ROOM_GB)
        yield Finding(name, state, message("doctor.room", folder=discreet(folder), free=_gigabytes(free)), remedy)


def damaged_lists(paths: Paths) -> Iterator[Finding]:
    """Lists of jobs and pictures that were set aside; the file says when, and has what stood in it."""
    for one in all_set_aside(paths.jobs):
        yield Finding(one.file.name.partition(".damaged")[0], ABSENT, one.told, one.todo)


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the first of those it lies in that is there."""
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def writable(folder: Path) -> bool:
    """Tried, since rights alone do not tell on Windows and on read-only disks."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def discreet(folder: Path) -> str:
    """The path without the user's name."""
    home = Path.home()
    inside = folder.is_relative_to(home) and home != Path(home.anchor)
    return str(Path("~") / folder.relative_to(home)) if inside else str(folder)


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
