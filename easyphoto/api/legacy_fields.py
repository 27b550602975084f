"""The original's field names and what they are here. What cannot be honoured is named, never passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from easyphoto.domain import KEEP, ModelFamily, PortraitRequest, TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.locales import text

Given = Mapping[str, Any]

TRAIN_FIELDS: dict[str, str] = {
    "user_id": "person",
    "resolution": "resolution",
    "val_and_checkpointing_steps": "save_steps",
    "max_train_steps": "max_steps",
    "steps_per_photos": "steps_per_photo",
    "train_batch_size": "batch_size",
    "gradient_accumulation_steps": "accumulation",
    "learning_rate": "learning_rate",
    "rank": "rank",
    "network_alpha": "alpha",
    "validation": "validation",
    "skin_retouching_bool": "retouch",
}

PORTRAIT_FIELDS: dict[str, str] = {
    "lora_weights": "lora_weight",
    "first_diffusion_steps": "first_steps",
    "first_denoising_strength": "first_denoising_strength",
    "second_diffusion_steps": "second_steps",
    "second_denoising_strength": "second_denoising_strength",
    "seed": "seed",
    "crop_face_preprocess": "crop_face",
    "before_face_fusion_ratio": "fusion_before_ratio",
    "after_face_fusion_ratio": "fusion_after_ratio",
    "apply_face_fusion_before": "fusion_before",
    "apply_face_fusion_after": "fusion_after",
    "color_shift_middle": "color_first",
    "color_shift_last": "color_last",
    "super_resolution": "enhance_detail",
    "super_resolution_ratio": "enhance_detail_ratio",
    "skin_retouching_bool": "retouch",
    "enable_second_diffusion": "second_pass",
    "lcm_accelerate": "lcm",
}

API_COLUMN: dict[str, Any] = {"second_denoising_strength": 0.35}
"""Where the original's API differs from its page, and so from our defaults; not for the built-in family."""

_NOTHING: tuple[Any, ...] = (None, "", "none", "None", [], {}, False, 0)

# Switches that are not here, with the values that ask for nothing.
_TRAIN_OFF: dict[str, tuple[Any, ...]] = {
    "enable_rl": _NOTHING,
    "training_prefix_prompt": _NOTHING,
    "crop_ratio": (3, 3.0, "3", *_NOTHING),
    "args": _NOTHING,
}
_PORTRAIT_OFF: dict[str, tuple[Any, ...]] = {
    "super_resolution_method": ("gpen", *_NOTHING),
    "background_restore": _NOTHING,
    "makeup_transfer": _NOTHING,
    "face_shape_match": _NOTHING,
    "id_control": _NOTHING,
    "id_control_method": _NOTHING,
    "ipa_control": _NOTHING,
    "ipa_image": _NOTHING,
    "ipa_only_image": _NOTHING,
    "instantid_image": _NOTHING,
    "ref_mode_choose": ("Infer with User Lora", "Infer with Pretrained Lora", *_NOTHING),
    "attribute_edit_id": _NOTHING,
    "scene_id": _NOTHING,
}

# Read elsewhere, or they only tune one of the switches above.
_TRAIN_KNOWN = {
    "sd_model_checkpoint", "id_task", "train_mode_choose", "instance_images", "max_rl_time", "timestep_fraction",
    "dataloader_num_workers", "consent",
}  # fmt: skip
_PORTRAIT_KNOWN = {
    "user_ids", "sd_model_checkpoint", "selected_template_images", "init_image", "uploaded_template_images", "tabs",
    "text_to_image_input_prompt", "text_to_image_width", "text_to_image_height", "t2i_control_way",
    "t2i_pose_template", "prompt_generate_sd_model_checkpoint", "additional_prompt", "additional_neg_prompt",
    "batch_size", "display_score", "background_restore_denoising_strength", "makeup_transfer_ratio", "ipa_weight",
    "ipa_only_weight", "no_user_lora_mode", "instantid_ipa_weight", "instantid_control_weight",
    "instantid_ipa_only_weight", "instantid_control_only_weight",
}  # fmt: skip


def train_fields(given: Given, family: ModelFamily) -> tuple[dict[str, Any], list[str]]:
    """Fields of a TrainRequest, and notes on what is not honoured. Raises BadRequest."""
    mode = given.get("train_mode_choose") or "Train Human Lora"
    if mode != "Train Human Lora":
        raise BadRequest("legacy.training-mode", stage="request", mode=str(mode)[:60])
    fields = {"person": "tmp"} | _renamed(given, TRAIN_FIELDS, TrainRequest.for_family(family))
    if "learning_rate" in fields:
        fields["text_encoder_lr"] = fields["learning_rate"] / 2  # as the original does
    return fields, _not_honoured(given, _TRAIN_OFF, _TRAIN_KNOWN | set(TRAIN_FIELDS))


def portrait_fields(given: Given, family: ModelFamily) -> tuple[dict[str, Any], list[str]]:
    """Fields of a PortraitRequest but for the persons, and notes. Raises BadRequest."""
    standard = PortraitRequest.for_family(family)
    fields = dict(API_COLUMN) if family.spec.original_defaults else {}
    names, off = PORTRAIT_FIELDS, _PORTRAIT_OFF
    if not family.spec.lcm_lora:
        names = {theirs: ours for theirs, ours in names.items() if ours != "lcm"}
        off = {**off, "lcm_accelerate": _NOTHING}
    fields |= _renamed(given, names, standard)
    for theirs, ours in (("additional_prompt", "prompt"), ("additional_neg_prompt", "negative_prompt")):
        if words := _text(theirs, given.get(theirs) or ""):
            fields[ours] = f"{getattr(standard, ours)}, {words}"
    return fields, _not_honoured(given, off, _PORTRAIT_KNOWN | set(names))


def person_ids(given: Given) -> tuple[str, ...]:
    """A list or one name; "none" leaves a face as it is. Raises BadRequest."""
    users = given.get("user_ids", [])
    users = [users] if isinstance(users, str) else users
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise BadRequest("legacy.user-ids", stage="request")
    return tuple(KEEP if user in ("", "none") else user for user in users)


def pictures(given: Given) -> list[str]:
    """Base64 of the templates that `tabs` points at. Raises BadRequest."""
    tab = number("tabs", given.get("tabs", 1), int)
    names = {0: "selected_template_images", 1: "init_image", 2: "uploaded_template_images"}
    if tab not in names:
        raise BadRequest("legacy.tabs", stage="request", tab=tab)
    return texts(names[tab], given.get(names[tab]))


def texts(name: str, value: Any) -> list[str]:
    """One text or a list of them, never empty. Raises BadRequest."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(item, str) and item for item in found):
        raise BadRequest("field.no-base64", stage="request", name=name)
    return found


def number(name: str, value: Any, kind: Callable[[Any], Any]) -> Any:
    """As `kind`; the original's clients send numbers as texts too. Raises BadRequest."""
    try:
        found = kind(float(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest("field.no-number", stage="request", name=name) from error
    if found != float(value):
        raise BadRequest("field.no-whole-number", stage="request", name=name)
    return found


def _renamed(given: Given, names: Mapping[str, str], standard: Any) -> dict[str, Any]:
    """The given fields under our names with our types."""
    found = {}
    for theirs, ours in names.items():
        if (value := given.get(theirs)) is not None:
            found[ours] = _typed(theirs, value, type(getattr(standard, ours)))
    return found


def _typed(name: str, value: Any, kind: type[Any]) -> Any:
    if kind is bool:
        if not isinstance(value, (bool, int)):
            raise BadRequest("field.no-boolean", stage="request", name=name)
        return bool(value)
    return _text(name, value) if kind is str else number(name, value, kind)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest("field.no-text", stage="request", name=name)
    return value


def _not_honoured(given: Given, off: Mapping[str, tuple[Any, ...]], known: set[str]) -> list[str]:
    """Every switch that was turned on and is not here, and every name nobody knows."""
    wished = [name for name, nothing in off.items() if name in given and given[name] not in nothing]
    strange = [name[:60] for name in given if name not in off and name not in known]
    notes = [text("legacy.not-supported", names=wished)] if wished else []
    return notes + ([text("legacy.unknown", names=strange)] if strange else [])
