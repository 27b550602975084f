"""The settings of a portrait in the WebUI's text format."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from easyphoto import __version__
from easyphoto.domain import Person, PortraitRequest
from easyphoto.portrait.prompts import join_prompt

_FIRST = (
    "prompt",
    "negative_prompt",
    "persons",
    "first_steps",
    "cfg_scale",
    "seed",
    "first_denoising_strength",
    "base_model",
    "sampler",
    "vae",
)


def infotext(
    request: PortraitRequest, size: tuple[int, int], people: Sequence[Person], quality: Sequence[float] = ()
) -> str:
    """Prompt, negative prompt and one line of settings; persons appear as hashes, never by name.

    `quality` is 0..1 of each painted face, see `Quality`.
    """
    settings: dict[str, Any] = {
        "Steps": request.first_steps,
        "Sampler": request.sampler,
        "CFG scale": request.cfg_scale,
        "Seed": request.seed,
        "Size": f"{size[0]}x{size[1]}",
        "Model": request.base_model,
        "Denoising strength": request.first_denoising_strength,
        **({"VAE": request.vae} if request.vae else {}),
        "EasyPhoto": __version__,
        "EasyPhoto persons": " ".join(person_hash(p.id) for p in people),
        **{f"EasyPhoto {f.name}": getattr(request, f.name) for f in fields(request) if f.name not in _FIRST},
    }
    if quality:
        settings["EasyPhoto quality"] = " ".join(f"{value:.2f}" for value in quality)
    line = ", ".join(f"{key}: {_quoted(value)}" for key, value in settings.items())
    return f"{join_prompt(request.prompt)}\nNegative prompt: {request.negative_prompt}\n{line}"


def person_hash(person: str) -> str:
    """Eight hex digits that tell portraits of one person apart from another's without naming them."""
    return hashlib.sha256(person.encode()).hexdigest()[:8]


def shows(text: str, person: str) -> bool:
    """Whether an infotext of ours says that the picture shows the person of that id."""
    found = re.search(r"EasyPhoto persons: ([0-9a-f ]+)", text)
    return found is not None and person_hash(person) in found[1].split()


def _quoted(value: Any) -> str:
    """As the WebUI writes values: in JSON quotes when they hold a comma, colon or line break."""
    text = str(value)
    if any(c in text for c in ",:\n"):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return text
