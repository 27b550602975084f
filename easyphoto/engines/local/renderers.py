"""The ways of the local engine to paint, by the name that a family has for its own (`FamilySpec.renderer`)."""

from __future__ import annotations

from easyphoto.engines.local import builtin_renderer, diffusers_renderer, inpaint_renderer
from easyphoto.engines.local.loaded_model import Renderer
from easyphoto.families import ModelFamily

RENDERERS = {
    "diffusers": Renderer(diffusers_renderer.open_model, diffusers_renderer.paint),
    "built-in": Renderer(builtin_renderer.open_model, builtin_renderer.paint),
    "face-inpaint": Renderer(inpaint_renderer.open_model, inpaint_renderer.paint),
}


def renderer_of(family: ModelFamily) -> Renderer:
    """The family's."""
    return RENDERERS[family.spec.renderer]
