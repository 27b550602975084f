"""InstantID's ControlNet: it sees a face's five points, and reads its tokens in the place of a prompt's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from easyphoto.engines.identity_points import five_point_drawing
from easyphoto.engines.local.identity import ChosenAdapter, projection_of, vectors
from easyphoto.engines.local.loading import open_control
from easyphoto.engines.local.silence import silenced

if TYPE_CHECKING:
    from easyphoto.engines.local.loaded_model import Folders, Guide, LoadedModel


def identity_guides(
    loaded: LoadedModel, identity: ChosenAdapter | None, size: tuple[int, int], folders: Folders
) -> list[Guide]:
    """The ControlNet with its drawing and weight; none for adapters that have no such, or where no face is known.

    Raises BadModel.
    """
    if identity is None or identity.files.network is None or not identity.hint.target:
        return []
    if loaded.identity_net is None:
        config = folders.configs / f"{loaded.checkpoint.family.value}_controlnet"
        with silenced():
            loaded.identity_net = open_control(identity.files.network, config, loaded.placing)
    return [(loaded.identity_net, five_point_drawing(identity.hint.target, size), identity.hint.weight)]


@contextmanager
def reading_tokens(pipe: Any, guides: Sequence[Guide], identity: ChosenAdapter | None, guided: bool) -> Iterator[None]:
    """Inside, the ControlNet of `identity_guides` reads the face's tokens.

    Within `identified`, with the networks where they work; `guided` as in `shown`.
    """
    import torch

    if not guides or identity is None:
        yield
        return
    layer, seen = projection_of(pipe), vectors(pipe, identity, guided)
    place = next(layer.parameters()).device
    with torch.inference_mode():
        tokens = layer(seen.flatten(1, 2).to(pipe._execution_device if place.type == "meta" else place))

    def swap(_network: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        prompt = kwargs["encoder_hidden_states"]
        return args, {**kwargs, "encoder_hidden_states": tokens.to(prompt.device, prompt.dtype)}

    handle = guides[0][0].register_forward_pre_hook(swap, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
