"""What is asked of a family: data, and small functions where data do not do."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from easyphoto.domain.hints import HintKind
from easyphoto.families import ModelFamily

Size = tuple[int, int]  # width, height
Names = Collection[str]  # of the tensors in a file
Shapes = Mapping[str, tuple[int, ...]]  # of the tensors in a file
Config = Mapping[str, Any]  # a JSON file of a diffusers folder


@dataclass(frozen=True)
class ValidationSettings:
    """How the trainer makes its validation images."""

    strength: float  # 0..1 of the noise schedule
    steps: int
    cfg_scale: float
    negative_prompt: str = ""
    template_scale: int = 1  # their shorter side in training resolutions


@dataclass(frozen=True)
class Probe:
    """How foreign files of the family are told, by names in their headers and by their configurations."""

    is_checkpoint: Callable[[Names], bool]  # of a single file that is a Stable Diffusion checkpoint
    is_folder: Callable[[Config, Config], bool]  # model_index.json and the U-Net's config.json
    is_control: Callable[[Shapes], bool]  # of a single file that is a ControlNet
    is_control_folder: Callable[[Config], bool]  # config.json of a ControlNetModel
    host_flag: str  # the attribute of a WebUI's loaded model that says so
    comfyui_class: str = ""  # of the configuration that ComfyUI gives such a model
    host_word: str = ""  # a word in file names by which pickles, which are never opened, are taken for it


@dataclass(frozen=True)
class LoraMarks:
    """How LoRA files of the family are told."""

    versions: tuple[str, ...]  # beginnings of `ss_base_model_version`
    cross_attention: int = 0  # width of the text states, for files without metadata; 0: not told by it


@dataclass(frozen=True)
class ControlFiles:
    """The ControlNet files known for one hint."""

    names: tuple[str, ...] = ()  # beginnings of stems as `controlnet_catalog.plain` writes them, best first
    file: str = ""  # the one to fetch where there is none
    source: str = ""  # its project page on the Hugging Face hub
    license: str = ""
    weights: str = ""  # id in the list of model files of one that does the same; "" where there is none
    coarse: tuple[str, ...] = ()  # beginnings of those that were trained on color blocks of 64 px, not of 24


@dataclass(frozen=True)
class Pipelines:
    """Names of diffusers' classes, and what each of them must be told."""

    base: str
    inpaint: str
    control_inpaint: str
    base_options: Mapping[str, Any] = field(default_factory=dict)
    inpaint_options: Mapping[str, Any] = field(default_factory=dict)


def whole_detail(strength: float) -> float:
    """All of the fine detail stays, however strongly a pass paints."""
    return 1.0


DIFFUSERS_ONLY = (
    *("sampler", "lcm", "vae", "from_text", "width", "height", "drawing_steps"),
    *("pose_weight", "scene_lora", "scene_lora_weight", "identity_weight"),
)
"""Fields of a portrait that mean nothing to the models that ship."""


@dataclass(frozen=True)
class FamilySpec:
    """Everything in which a family differs from the others."""

    id: ModelFamily
    label: str  # as users call it, in every language
    working_scale: Callable[[Size], float]  # factor from a region's size to the size it is worked on
    validation: ValidationSettings
    lora: LoraMarks
    renderer: str  # of the local engine, by its name in `engines/local/renderers.py`
    train_defaults: Mapping[str, Any] = field(default_factory=dict)  # where they differ from the request's own
    portrait_defaults: Mapping[str, Any] = field(default_factory=dict)
    identity_layers: int = 0  # cross-attentions of its U-Net, by which identity adapters are told; 0: it takes none
    engine_multiple: int = 8  # sides of what a pipeline paints are padded to multiples of this, in pixels
    lora_required: bool = True  # without a person's LoRA it shows somebody else; False: training one is an experiment
    fusion_required: bool = False  # without fusion there is no likeness; where it fails the portrait fails
    carried_detail: Callable[[float], float] | None = None
    """By a pass's strength: the share, 0..1, of the region's own fine detail that is kept over what was painted; None:
    the painted picture takes the region's place as it is."""
    folder: str = ""  # of the checkpoint that ships with the program, below models/; its name is the family's
    crop: str = "region"  # what a pass sees, by its name in `portrait/working_frame.py`
    pose_guide: str = "person"  # whose shape the pose hint shows, by its name in `portrait/generate.py`
    landmarks: bool = False  # whether the trainer needs those of the photos' and the templates' faces
    within_fusion: bool = False  # what fusion left of the template, as hair before the face, is not repainted
    own_hints: frozenset[HintKind] = frozenset()  # that the model itself is conditioned on, without a ControlNet
    more_hints: tuple[tuple[HintKind, float], ...] = ()  # kind, weight: of every pass beside the original's
    without_effect: tuple[str, ...] = ()  # fields of a portrait that change nothing with its defaults; pages hide them
    original_defaults: bool = True  # whether the original API's standard values make sense for it
    probe: Probe | None = None  # None: no foreign files of it
    controls: Mapping[HintKind, ControlFiles] = field(default_factory=dict)  # empty: it takes no hints
    lcm_lora: str = ""  # id in the list of model files of its LCM LoRA; "": there is none
    pipelines: Pipelines | None = None  # for the renderer "diffusers"

    @property
    def draws_from_text(self) -> bool:
        """Whether it paints whole pictures by what a prompt says; the models that ship know faces only."""
        return self.pipelines is not None


def short_side(pixels: int) -> Callable[[Size], float]:
    """The shorter side becomes that long."""
    return lambda size: pixels / min(size)


def area(pixels: int) -> Callable[[Size], float]:
    """The picture becomes that large."""
    return lambda size: math.sqrt(pixels / (size[0] * size[1]))


def text_width(shapes: Shapes) -> int:
    """Width of the text states that a network attends to; 0 where nothing tells it."""
    found = (shape for name, shape in shapes.items() if name.endswith(".attn2.to_k.weight"))
    return next(found, (0, 0))[1]


def has_prefix(*prefixes: str) -> Callable[[Names], bool]:
    """Whether a name begins with one of them."""
    return lambda names: any(name.startswith(prefixes) for name in names)
