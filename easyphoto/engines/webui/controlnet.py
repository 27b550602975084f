"""ControlNet at work in the WebUI, in a runner of our own: its failures are noticed, and nothing shared is touched."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from easyphoto.engines.webui.controlnet_units import ControlNetModels, ControlNetUnit, script_of
from easyphoto.engines.webui.host import Host
from easyphoto.errors import RenderFailed
from easyphoto.locales import message, plain

_CALLBACKS = (
    "before_process",
    "process",
    "before_process_batch",
    "process_batch",
    "process_before_every_sampling",
    "post_sample",
    "postprocess_batch",
    "postprocess_batch_list",
    "postprocess",
)


@dataclass
class Monitor:
    """What happened to the units of one job."""

    units: tuple[ControlNetUnit, ...]
    maps_apart: bool  # see HostKind
    troubles: list[Exception] = field(default_factory=list)

    def check(self, processed: Any) -> None:
        """Raise RenderFailed unless every unit took part: no callback failed, and each left its control picture."""
        maps = len(processed.extra_images) if self.maps_apart else len(processed.images) - 1
        if not self.troubles and maps == len(self.units):
            return
        names = ", ".join(f"{unit.hint.kind.value} ({unit.model})" for unit in self.units)
        reason = (
            plain(" ".join(str(self.troubles[0]).split())[:300])
            if self.troubles
            else message("controlnet.note.pictures-came-back", count=maps)
        )
        raise RenderFailed("webui.controlnet-failed", stage="ControlNet", file=names, why=reason) from (
            self.troubles[0] if self.troubles else None
        )


@contextmanager
def monitored(host: Host, job: Any, units: tuple[ControlNetUnit, ...]) -> Iterator[Monitor]:
    """Inside it the host's job has those units; nothing of it stays on the model afterwards, also after an exception.

    The host's script runner swallows whatever ControlNet raises and paints a plain picture, so a copy of the script
    runs in a runner of our own, and the copy's callbacks tell us. Nothing the host's users share is touched, and
    the host's limit of units does not matter.
    """
    monitor = Monitor(units, host.kind.maps_apart)
    if not units:
        job.scripts = host.scripts.ScriptRunner()  # reForge asks for scripts whether there are any or not
        yield monitor
        return
    script = script_of(host)
    own = copy.copy(script)
    own.args_from, own.args_to = 0, len(units)
    own.latest_network = None  # of A1111's: it would unhook the model of a job that we are called from
    for name in _CALLBACKS:
        if callable(call := getattr(own, name, None)):
            setattr(own, name, _recording(call, monitor.troubles, host.state.interrupt))
    runner = host.scripts.ScriptRunner()
    runner.scripts, runner.alwayson_scripts = [own], [own]
    models = ControlNetModels(host)
    job.scripts, job.script_args = runner, tuple(models.unit(unit) for unit in units)
    try:
        yield monitor
    except BaseException:
        runner.postprocess(job, SimpleNamespace(images=[], extra_images=[]))  # else the model stays hooked
        raise
    finally:
        if hasattr(own, "latest_model_hash"):  # so that the script drops models that were fitted to our checkpoint
            script.latest_model_hash = own.latest_model_hash


@contextmanager
def hook_set_aside(host: Host) -> Iterator[None]:
    """Inside it the model is without the ControlNet of the job that we are called from, which goes on afterwards.

    A1111's replaces the network's forward method for all pictures of a job; Forge's works on a copy for each.
    """
    model = getattr(host.shared.sd_model, "model", None)
    network = getattr(model, "diffusion_model", None)
    if network is None or "_original_forward" not in vars(network):
        yield
        return
    hooked, original = network.forward, network._original_forward
    network.forward = original
    del network._original_forward
    try:
        yield
    finally:
        network.forward, network._original_forward = hooked, original


def _recording(call: Callable[..., Any], troubles: list[Exception], stop: Callable[[], None]) -> Callable[..., Any]:
    """The callback, which notes what it raises before the host swallows it, and stops the job."""

    @functools.wraps(call)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except Exception as problem:
            troubles.append(problem)
            stop()
            raise

    return told


def unload(host: Host) -> None:
    """ControlNet's models leave the device; A1111's keeps the last ones there. They are read again when needed."""
    clear = getattr(script_of(host), "clear_control_model_cache", None)
    if clear is not None:
        clear()
