"""Which LoRAs are cheaper folded into their layers: timed on the shapes that this training has, not guessed.

A layer of `in` x `out` numbers at rank r takes about in * out operations a token more when folded (the gradient of its
weight), and 3 * r * (in + out) when separate. At rank 128 most layers of SD 1.5 are cheaper folded, at 16 few are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from builtin_model.processor import keep_figures, known_figures, processor_name
from kohya_train.adapter import Adapter
from kohya_train.network import Network

FILE = "lora-forward.json"
REPEATS = 3
GAIN = 1.05
"""Folded has to be so many times as fast: what changes nothing is left as other trainers do it."""

SMALLEST = 10_000_000
"""Multiplications of a layer's pass below which nothing is timed: what takes so little is not worth a choice."""

Shape = tuple[int, ...]


@contextmanager
def input_shapes(network: Network) -> Iterator[dict[str, Shape]]:
    """Inside it the shape of what each module is given is noted."""
    shapes: dict[str, Shape] = {}
    plain = {name: layer.forward for name, layer in network.modules.items()}

    def noting(name: str, forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def call(values: Tensor) -> Tensor:
            shapes[name] = tuple(values.shape)
            return forward(values)

        return call

    for name, layer in network.modules.items():
        layer.layer.forward = noting(name, plain[name])
    try:
        yield shapes
    finally:
        for name, layer in network.modules.items():
            layer.layer.forward = plain[name]


def cheaper_folded(network: Network, shapes: Mapping[str, Shape], pictures: int, machine: Path) -> tuple[str, ...]:
    """Names of the modules that are, at `pictures` times the rows of `shapes`.

    Layers alike are timed once, and once a machine: the figures are kept in the folder `machine`, so that the same
    training comes to the same bytes again.
    """
    known, mine = known_figures(machine / FILE), processor_name()
    gains = dict(known.get(mine, {}))
    found = []
    for name, shape in shapes.items():
        layer, batch = network.modules[name], (shape[0] * pictures, *shape[1:])
        if math.prod(batch) // layer.layer.weight.shape[1] * layer.layer.weight.numel() < SMALLEST:
            continue
        kind = f"{batch} {tuple(layer.layer.weight.shape)} rank {layer.spec.rank}"
        if kind not in gains:
            gains[kind] = _gain(layer, batch)
        if gains[kind] > GAIN:
            found.append(name)
    if gains != known.get(mine):
        keep_figures(machine / FILE, {**known, mine: gains})
    return tuple(found)


def _gain(layer: Adapter, shape: Shape) -> float:
    """How many times as fast the folded one is."""
    values = torch.rand(shape, requires_grad=True)
    best = {False: float("inf"), True: float("inf")}
    for _ in range(REPEATS):
        for folded in best:
            best[folded] = min(best[folded], _seconds(layer, values, folded))
    layer.folded = False
    for weight in layer.tensors().values():
        weight.grad = None
    return round(best[False] / best[True], 3)


def _seconds(layer: Adapter, values: Tensor, folded: bool) -> float:
    """Processor time of one pass forth and back: other programs' turns do not count."""
    layer.folded = folded
    begun = time.process_time()
    layer(values).sum().backward()
    return time.process_time() - begun
