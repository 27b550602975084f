"""What the trainer's libraries load at their import and this process never uses, left out of its start.

Measured with torch 2.13 and transformers 5: torch's compiler, peft, scipy and tensors over several machines take
2.4 s of 5.2 s of processor time of imports. Nothing is taken away for good: who asks for the compiler gets it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from kohya_train.families import spec_of

UNUSED = frozenset({"peft", "scipy"})
"""Packages that diffusers and transformers load where they find them: LoRA layers are our own, scipy none needs."""
DRAWN = (
    "normal_",
    "uniform_",
    "trunc_normal_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "xavier_normal_",
    "xavier_uniform_",
)
"""Functions of torch.nn.init that draw a new network's weights."""
COMPILER = "torch._dynamo"
_BY_ITSELF = f"{COMPILER}._trace_wrapped_higher_order_op"
"""A module below the compiler that transformers imports, and that needs nothing of it."""


@contextmanager
def short_imports(processes: int) -> Iterator[None]:
    """Inside it torch, diffusers and transformers are imported without `UNUSED` and, for one process, without DTensors.

    They keep for good what they found out about those packages, so this is for a process that only trains.
    """
    plain = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name.partition(".")[0] in UNUSED else plain(name, package)

    importlib.util.find_spec = find_spec
    try:
        with _alone() if processes == 1 else nullcontext():
            yield
    finally:
        importlib.util.find_spec = plain


def import_classes(family: str) -> None:
    """Import the classes of a family's networks, and no others."""
    import transformers

    spec = spec_of(family)
    spec.autoencoder()
    for part in spec.text_encoders:
        getattr(transformers, part.kind)


@contextmanager
def no_initial_weights() -> Iterator[None]:
    """Inside it networks are made without random numbers, for what is read from files afterwards.

    On torch's tensors without contents drawing them loads sympy, a quarter of a second, for nothing.
    """
    from torch.nn import init

    plain = {name: getattr(init, name) for name in DRAWN}
    for name in DRAWN:
        setattr(init, name, lambda tensor, *how, **more: tensor)
    try:
        yield
    finally:
        for name, function in plain.items():
            setattr(init, name, function)


@contextmanager
def _alone() -> Iterator[None]:
    """Inside it torch seems to be built without processes that talk to each other."""
    import torch.distributed

    plain = torch.distributed.is_available
    torch.distributed.is_available = lambda: False
    try:
        yield
    finally:
        torch.distributed.is_available = plain


@contextmanager
def compiler_on_demand() -> Iterator[None]:
    """Inside it torch's compiler is loaded only when something compiles; torch's optimizers alone would load it too."""
    if COMPILER in sys.modules:
        yield
        return
    import torch

    stand_in = _Compiler(COMPILER)
    stand_in.__path__ = [str(Path(torch.__file__).parent / "_dynamo")]
    stand_in.__spec__ = ModuleSpec(COMPILER, None, is_package=True)
    sys.modules[COMPILER] = torch._dynamo = stand_in
    finder = _Submodules()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if sys.modules.get(COMPILER) is stand_in:
            del sys.modules[COMPILER], torch._dynamo


def _same(work: Any) -> Any:
    return work


class _Compiler(ModuleType):
    """Answers what marks functions for a compiler; any other question loads the compiler in its place."""

    allow_in_graph = assume_constant_result = staticmethod(_same)

    @staticmethod
    def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, **told: Any) -> Any:
        """What is never compiled runs as it is."""
        return _same if fn is None else fn

    @staticmethod
    def graph_break(*told: Any, **more: Any) -> None:
        """There is no graph."""

    def __getattr__(self, name: str) -> Any:
        if name in ("__file__", "__wrapped__", "__all__"):
            raise AttributeError(name)
        return getattr(_true_compiler(), name)


def _true_compiler() -> ModuleType:
    if isinstance(sys.modules.get(COMPILER), _Compiler):
        import torch

        del sys.modules[COMPILER], torch._dynamo
    return importlib.import_module(COMPILER)


class _Submodules(MetaPathFinder):
    """A module below the compiler is asked for: the compiler itself comes first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        below = fullname.startswith(f"{COMPILER}.") and fullname != _BY_ITSELF
        if not below or not isinstance(sys.modules.get(COMPILER), _Compiler):
            return None
        _true_compiler()
        there = sys.modules.get(fullname)
        return None if there is None else ModuleSpec(fullname, _Loaded(there))


class _Loaded(Loader):
    """Gives a module that has been loaded meanwhile."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""
