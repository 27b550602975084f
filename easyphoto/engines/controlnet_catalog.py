"""Which ControlNet files serve a hint, best first: known by their names, with source and licence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from easyphoto.domain import HintKind, ModelFamily
from easyphoto.errors import MissingModel


@dataclass(frozen=True)
class ControlFiles:
    """The files known for one hint and one family."""

    names: tuple[str, ...] = ()  # beginnings of stems as `plain` writes them, best first
    file: str = ""  # the one to fetch where there is none
    source: str = ""  # its project page on the Hugging Face hub
    licence: str = ""


_V11 = "comfyanonymous/ControlNet-v1-1_fp16_safetensors"
_COLLECTION = "lllyasviel/sd_control_collection"
_UNION = ("controlnet_union_sdxl", "xinsir_controlnet_union_sdxl")
_ITS_OWN = "see its page"

TABLE: dict[tuple[ModelFamily, HintKind], ControlFiles] = {
    (ModelFamily.SD15, HintKind.CANNY): ControlFiles(
        (
            "control_v11p_sd15_canny",
            "control_sd15_canny",
            "control_lora_rank128_v11p_sd15_canny",
            "t2iadapter_canny_sd15v2",
            "t2iadapter_canny_sd14v1",
        ),
        "control_v11p_sd15_canny_fp16.safetensors",
        _V11,
        "OpenRAIL",
    ),
    (ModelFamily.SD15, HintKind.POSE): ControlFiles(
        (
            "control_v11p_sd15_openpose",
            "control_sd15_openpose",
            "control_lora_rank128_v11p_sd15_openpose",
            "t2iadapter_openpose_sd14v1",
        ),
        "control_v11p_sd15_openpose_fp16.safetensors",
        _V11,
        "OpenRAIL",
    ),
    (ModelFamily.SD15, HintKind.TILE): ControlFiles(
        ("control_v11f1e_sd15_tile", "control_lora_rank128_v11f1e_sd15_tile", "control_v11u_sd15_tile"),
        "control_v11f1e_sd15_tile_fp16.safetensors",
        _V11,
        "OpenRAIL",
    ),
    (ModelFamily.SD15, HintKind.COLOR): ControlFiles(
        ("control_sd15_random_color", "t2iadapter_color_sd14v1", "coadapter_color_sd15v1"),
        "t2iadapter_color_sd14v1.pth",
        "TencentARC/T2I-Adapter",
        "Apache-2.0",
    ),
    (ModelFamily.SDXL, HintKind.CANNY): ControlFiles(
        (
            "controlnet_canny_sdxl",
            "xinsir_controlnet_canny_sdxl",
            "diffusers_xl_canny_full",
            "diffusers_xl_canny_mid",
            "sai_xl_canny_256lora",
            "sai_xl_canny_128lora",
            *_UNION,
            "diffusers_xl_canny_small",
            "t2i_adapter_diffusers_xl_canny",
            "t2i_adapter_xl_canny",
        ),
        "diffusers_xl_canny_full.safetensors",
        _COLLECTION,
        _ITS_OWN,
    ),
    (ModelFamily.SDXL, HintKind.POSE): ControlFiles(
        (
            "controlnet_openpose_sdxl",
            "xinsir_controlnet_openpose_sdxl",
            "thibaud_xl_openpose",
            *_UNION,
            "t2i_adapter_diffusers_xl_openpose",
            "t2i_adapter_xl_openpose",
        ),
        "thibaud_xl_openpose.safetensors",
        _COLLECTION,
        _ITS_OWN,
    ),
    (ModelFamily.SDXL, HintKind.TILE): ControlFiles(
        (
            "ttplanetsdxlcontrolnet",
            "ttplanet_controlnet_tile",
            "ttplanet_sdxl_controlnet_tile",
            "controlnet_tile_sdxl",
            "xinsir_controlnet_tile_sdxl",
            *(f"{name}_1_0_promax" for name in _UNION),
        ),
        "TTPLANET_Controlnet_Tile_realistic_v2_fp16.safetensors",
        "TTPlanet/TTPLanet_SDXL_Controlnet_Tile_Realistic",
        _ITS_OWN,
    ),
}

_WORDS = {
    HintKind.CANNY: re.compile("canny"),
    HintKind.POSE: re.compile("pose"),
    HintKind.COLOR: re.compile("colou?r"),
    HintKind.TILE: re.compile("tile"),
}
_HASH = re.compile(r"\s*\[[0-9a-fA-F]+\]$")


def known(kind: HintKind, family: ModelFamily) -> ControlFiles:
    """What the table has; empty where no file is known."""
    return TABLE.get((family, kind), ControlFiles())


def plain(name: str) -> str:
    """A model's name as the table writes it: lower case, underscores between the words, no hash behind."""
    return re.sub(r"[\W_]+", "_", _HASH.sub("", name).lower()).strip("_")


def rank(name: str, kind: HintKind, family: ModelFamily) -> int | None:
    """The place of that name among the known ones, 0 the best; None for names that are not known."""
    stem = plain(name)
    places = (place for place, begin in enumerate(known(kind, family).names) if stem.startswith(begin))
    return next(places, None)


def speaks_of(name: str, kind: HintKind) -> bool:
    """Whether the name holds the kind's word; enough where the file itself tells its family."""
    return _WORDS[kind].search(plain(name)) is not None


def missing(kind: HintKind, family: ModelFamily, folder: str) -> MissingModel:
    """The error for a hint that is required and has no ControlNet: which file, where it belongs, where it is found."""
    files = known(kind, family)
    problem = f"There is no {kind.value} ControlNet for {family.value}, and this portrait insists on one."
    remedy = "Switch “Insist on ControlNet” off."
    if files.file:
        where = f"from {files.source} on the Hugging Face hub (licence: {files.licence})"
        remedy = f"Put {files.file} {where} into {folder}, or switch “Insist on ControlNet” off."
    return MissingModel(problem, stage="ControlNet", file=files.file, remedy=remedy)


def dropped(kind: HintKind, family: ModelFamily) -> str:
    """The note for a hint that is left out because there is no ControlNet for it."""
    return f"No {kind.value} ControlNet for {family.value}: that hint was left out."
