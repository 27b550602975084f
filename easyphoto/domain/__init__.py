"""The types that packages pass to each other, with units, bounds and help at the field.

Pictures are PIL RGB; arrays are uint8 RGB H x W x 3; boxes are (left, top, right, bottom) in
pixels; sizes are (width, height); masks are PIL "L" with 255 = repaint.
"""

from __future__ import annotations

from easyphoto.domain.faces import Box, Face, Floats, Pixels, Pose
from easyphoto.domain.hints import HintKind
from easyphoto.domain.models import BUILTIN_CHECKPOINT, LORA_TRIGGER, Checkpoint, LoraCheckpoint, LoraUse
from easyphoto.domain.options import Option, check_bounds, option, options_of
from easyphoto.domain.persons import NO_TEMPLATE, Person, StoredTemplate, Template, TemplateFacts
from easyphoto.domain.portrait import (
    FIRST_HINTS,
    KEEP,
    LCM_DEFAULTS,
    SECOND_HINTS,
    FaceScore,
    LikenessLevel,
    Pass,
    Portrait,
    PortraitRequest,
    Quality,
    QualityLevel,
    QualityParts,
    SavedPortrait,
)
from easyphoto.domain.quick import QuickRequest
from easyphoto.domain.rendering import ControlHint, IdentityAdapter, IdentityHint, Rendered, RenderJob
from easyphoto.domain.samplers import DEFAULT_SAMPLER, LCM_SAMPLER, SAMPLERS
from easyphoto.domain.training import (
    GOOD_FACE_PX,
    MOST_PHOTOS,
    PICTURE_ENDINGS,
    Photo,
    PhotoReport,
    TrainingSet,
    TrainRequest,
    Verdict,
)
from easyphoto.families import ModelFamily

__all__ = [
    "BUILTIN_CHECKPOINT",
    "DEFAULT_SAMPLER",
    "FIRST_HINTS",
    "GOOD_FACE_PX",
    "KEEP",
    "LCM_DEFAULTS",
    "LCM_SAMPLER",
    "LORA_TRIGGER",
    "MOST_PHOTOS",
    "NO_TEMPLATE",
    "PICTURE_ENDINGS",
    "SAMPLERS",
    "SECOND_HINTS",
    "Box",
    "Checkpoint",
    "ControlHint",
    "Face",
    "FaceScore",
    "Floats",
    "HintKind",
    "IdentityAdapter",
    "IdentityHint",
    "LikenessLevel",
    "LoraCheckpoint",
    "LoraUse",
    "ModelFamily",
    "Option",
    "Pass",
    "Person",
    "Photo",
    "PhotoReport",
    "Pixels",
    "Portrait",
    "PortraitRequest",
    "Pose",
    "Quality",
    "QualityLevel",
    "QualityParts",
    "QuickRequest",
    "RenderJob",
    "Rendered",
    "SavedPortrait",
    "StoredTemplate",
    "Template",
    "TemplateFacts",
    "TrainRequest",
    "TrainingSet",
    "Verdict",
    "check_bounds",
    "option",
    "options_of",
]
