"""The WebUI this process belongs to: its modules, its options, and of which kind it is."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from easyphoto.engines.webui.host_kinds import HostKind, kind_of
from easyphoto.errors import MissingPackage, RenderFailed

_log = logging.getLogger(__name__)
_ABSENT = object()
_MARK = "sd_checkpoint_hash"
T = TypeVar("T")


class QueueLock(Protocol):
    """The host's queue: one generation at a time, first come first served. Whoever holds it may release it."""

    def acquire(self, blocking: bool = True) -> bool:
        """True when it is ours."""
        ...

    def release(self) -> None:
        """The next one's turn."""
        ...


@dataclass(frozen=True)
class Host:
    """Modules of the WebUI by their names there."""

    shared: Any
    processing: Any
    sd_models: Any
    sd_samplers: Any
    sd_vae: Any
    scripts: Any
    extensions: Any
    lock: QueueLock
    kind: HostKind
    inside_job: bool = False  # a job of the host's own calls us: its queue, state and thread are taken already

    @property
    def options(self) -> Any:
        """The host's settings."""
        return self.shared.opts

    @property
    def state(self) -> Any:
        """Progress and interruption of what runs now."""
        return self.shared.state

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives, done in the thread in which the host generates, where it has one for all."""
        if self.inside_job or not self.kind.one_thread:
            return work()
        from modules_forge import main_thread

        box: _Once[T] = _Once(work)
        main_thread.run_and_wait_result(box.fill)
        return box.empty()


def current_host() -> Host:
    """Raises MissingPackage where this process is no WebUI."""
    try:
        from modules import call_queue, extensions, processing, scripts, sd_models, sd_samplers, sd_vae, shared
    except ImportError as problem:
        raise MissingPackage("webui.no-webui", stage="WebUI") from problem
    return Host(
        shared=shared,
        processing=processing,
        sd_models=sd_models,
        sd_samplers=sd_samplers,
        sd_vae=sd_vae,
        scripts=scripts,
        extensions=extensions,
        lock=call_queue.queue_lock,
        kind=kind_of(sd_models),
    )


class _Once(Generic[T]):
    """Carries results, or what was raised, from one thread to another; Forge itself drops exceptions."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._problem: BaseException | None = None

    def fill(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as problem:  # raised again where the work was asked for
            self._problem = problem

    def empty(self) -> T:
        if self._problem is not None:
            raise self._problem
        if not self._results:
            raise RenderFailed("webui.main-thread", stage="render")
        return self._results[0]


@contextmanager
def override_options(host: Host, values: Mapping[str, Any]) -> Iterator[None]:
    """Inside it the host's options have `values`, as far as it knows them; afterwards their own again.

    What somebody sets meanwhile stays. A settings file written meanwhile is written again, without ours in it.
    """
    options, stamp = host.options, _stamp(host)
    ours = {k: v for k, v in values.items() if k in options.data_labels and getattr(options, k) != v}
    before = {key: options.data.get(key, _ABSENT) for key in ours}
    options.data.update(ours)
    try:
        yield
    finally:
        for key, value in before.items():
            if options.data.get(key) != ours[key]:
                continue
            if value is _ABSENT:
                del options.data[key]
            else:
                options.data[key] = value
        if _stamp(host) != stamp:
            _save(host)


@contextmanager
def restore_options(host: Host, names: Collection[str]) -> Iterator[None]:
    """Inside it the host restores those options when a job has overridden them.

    It remembers only what its settings file holds, and would keep the override of any other; and loading a checkpoint
    writes its hash into the settings, which nobody restores.
    """
    data = host.options.data
    unwritten = [name for name in names if name not in data]
    mark = data.get(_MARK, _ABSENT)
    data.update({name: copy.copy(getattr(host.options, name)) for name in unwritten})
    try:
        yield
    finally:
        for name in unwritten:
            data.pop(name, None)
        if "sd_model_checkpoint" in names and mark is not _ABSENT:
            data[_MARK] = mark


def _save(host: Host) -> None:
    try:
        host.options.save(host.shared.config_filename)
    except OSError:
        _log.exception("the WebUI's settings could not be written again")


def _stamp(host: Host) -> int:
    try:
        return Path(host.shared.config_filename).stat().st_mtime_ns
    except OSError:
        return 0
