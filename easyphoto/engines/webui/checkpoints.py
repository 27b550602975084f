"""The WebUI's checkpoints: which of them we can use, which one a job asks for, and giving the host its own back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import Any

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.engines.model_probe import family_or_none
from easyphoto.engines.webui.host import Host
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.families import foreign_labels, specs

_log = logging.getLogger(__name__)


class Checkpoints:
    """What the host lists, with families. Headers are read once for each state of a file."""

    def __init__(self) -> None:
        self._families: dict[tuple[str, int, int], ModelFamily | None] = {}

    def listed(self, host: Host) -> dict[str, tuple[Checkpoint, Any]]:
        """Name -> checkpoint and the host's own entry, those of our families only, in the host's order.

        Pickles are never opened: the host may render with them where it knows the family, but they have no `file`.
        """
        entries = sorted(host.sd_models.checkpoints_list.values(), key=lambda entry: not _is_safe(entry))
        found: dict[str, tuple[Checkpoint, Any]] = {}
        for entry in entries:
            family = self._family(entry) if _is_safe(entry) else _family_by_host(host, entry)
            if family and _name(entry) not in found:
                found[_name(entry)] = (Checkpoint(_name(entry), family, _file(entry)), entry)
        return found

    def _family(self, entry: Any) -> ModelFamily | None:
        try:
            status = Path(entry.filename).stat()
        except OSError:
            return None
        key = (str(entry.filename), status.st_mtime_ns, status.st_size)
        if key not in self._families:
            self._families[key] = family_or_none(Path(entry.filename))
        return self._families[key]

    def find(self, host: Host, name: str) -> tuple[Checkpoint, Any]:
        """By our name, or by any name the host has for it. Raises MissingModel naming what there is."""
        listed = self.listed(host)
        entry = host.sd_models.checkpoint_aliases.get(name)
        for known in (name.removesuffix(".safetensors"), _name(entry) if entry is not None else ""):
            if known in listed:
                return listed[known]
        raise MissingModel(
            "webui.no-checkpoint",
            stage="render",
            file=name,
            name=name,
            families=foreign_labels(),
            there=list(listed),
            folder=str(_folder(host)),
        )

    def default(self, host: Host) -> str:
        """The one that is selected in the host, else the first; "" where there is none."""
        listed = self.listed(host)
        selected = host.sd_models.checkpoint_aliases.get(host.options.sd_model_checkpoint)
        if selected is not None and _name(selected) in listed:
            return _name(selected)
        return next(iter(listed), "")


def _is_safe(entry: Any) -> bool:
    return str(entry.filename).lower().endswith(".safetensors")


def _file(entry: Any) -> Path | None:
    return Path(entry.filename) if _is_safe(entry) else None


def _name(entry: Any) -> str:
    """Path inside the checkpoint folder without suffix. The host's own titles change when it computes a hash."""
    return str(PurePosixPath(entry.name.replace("\\", "/")).with_suffix(""))


def _folder(host: Host) -> str:
    return str(getattr(host.shared.cmd_opts, "ckpt_dir", None) or host.sd_models.model_path)


def _family_by_host(host: Host, entry: Any) -> ModelFamily | None:
    """What the host knows without the file being opened: of the loaded model its kind, else a word in the name."""
    held = host.sd_models.model_data.sd_model
    known = [(spec.id, spec.probe) for spec in specs() if spec.probe is not None]
    if _holds(held, entry):
        return next((family for family, probe in known if getattr(held, probe.host_flag, False)), None)
    words = ((family, probe.host_word) for family, probe in known if probe.host_word)
    return next((family for family, word in words if word in entry.name.lower()), None)


def _holds(model: Any, entry: Any) -> bool:
    """Whether `model` has that entry's weights; Forge begins with a stand-in that has none."""
    held = getattr(model, "sd_checkpoint_info", None)
    return held is not None and bool(held.filename == entry.filename)


def overrides(host: Host, entry: Any, vae: str) -> dict[str, Any]:
    """Settings the host must have for a job with that checkpoint and VAE ("" = the host's own choice).

    Only what differs is named, so that frozen settings stop nobody without need. Raises MissingModel.
    """
    wanted: dict[str, Any] = {}
    if host.sd_models.checkpoint_aliases.get(host.options.sd_model_checkpoint) is not entry:
        wanted["sd_model_checkpoint"] = entry.title
    if not vae:
        return wanted
    return wanted | (_vae_by_path(host, vae) if host.kind.vae_by_path else _vae_by_name(host, vae))


def _vae_by_name(host: Host, vae: str) -> dict[str, Any]:
    if vae not in ("None", "Automatic") and vae not in host.sd_vae.vae_dict:
        raise _no_vae(vae, host.sd_vae.vae_dict)
    # Without the second one a VAE that lies beside the checkpoint would silently win.
    wanted = {"sd_vae": vae, "sd_vae_overrides_per_model_preferences": True}
    return {key: value for key, value in wanted.items() if getattr(host.options, key, None) != value}


def _vae_by_path(host: Host, vae: str) -> dict[str, Any]:
    from modules_forge import main_entry

    if vae in ("None", "Automatic"):
        modules: list[str] = []
    elif vae in main_entry.module_list:
        modules = [main_entry.module_list[vae]]
    else:
        raise _no_vae(vae, main_entry.module_list)
    return {} if host.options.forge_additional_modules == modules else {"forge_additional_modules": modules}


def vaes(host: Host) -> list[str]:
    """What the host lists; those with `vae_by_path` list text encoders among them."""
    if not host.kind.vae_by_path:
        return list(host.sd_vae.vae_dict)
    from modules_forge import main_entry

    return list(main_entry.module_list)


def _no_vae(vae: str, there: Any) -> MissingModel:
    return MissingModel("webui.no-vae", stage="render", file=vae, name=vae, there=list(there))


def check_used(host: Host, entry: Any, checkpoint: Checkpoint) -> None:
    """Raise RenderFailed when the host has generated with other weights than were asked for; it does so silently."""
    if not _holds(host.shared.sd_model, entry):
        raise RenderFailed("webui.checkpoint-not-loaded", stage="render", file=checkpoint.name)


def restore_checkpoint(host: Host) -> None:
    """Load the host's own checkpoint again where ours is loaded; the caller holds the queue lock.

    A lazy host needs nothing: its loading parameters are its own again after each job.
    """
    if host.kind.lazy or host.sd_models.model_data.sd_model is None:
        return
    keep = getattr(host.sd_models, "SkipWritingToConfig", nullcontext)
    try:
        with keep():
            host.sd_models.reload_model_weights()
    except Exception:  # pictures that are finished must not be lost for it; the host tries again with its next job
        _log.exception("the WebUI could not load its own checkpoint again")


@contextmanager
def offloaded(host: Host) -> Iterator[None]:
    """Inside it the host's models are off the device; the caller holds the queue lock."""
    if host.kind.unload is not None:
        host.kind.unload(host.sd_models)
        yield
        return
    away = _on_device(host)
    try:
        for model in away:
            host.sd_models.send_model_to_cpu(model)
        yield
    finally:
        for model in away:
            _send_back(host, model)


def _on_device(host: Host) -> list[Any]:
    """The current model, and others that the host keeps beside it on the device."""
    data = host.sd_models.model_data
    with data.lock:  # a model that is being loaded at the start is waited for
        current, others = data.sd_model, [model for model in data.loaded_sd_models if model is not data.sd_model]
    there = [model for model in others if str(getattr(model, "device", "cpu")) != "cpu"]
    return there if current is None else [*there, current]


def _send_back(host: Host, model: Any) -> None:
    try:
        host.sd_models.send_model_to_device(model)
    except Exception:  # a training that is finished must not be lost for it
        _log.exception("the WebUI's model could not go back to the device; reload the checkpoint in its settings")
