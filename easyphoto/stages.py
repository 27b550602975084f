"""The stages of every journey, with the share of time that each usually takes."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise


class Stage(str, Enum):
    """What is being done. The value is stored with jobs, told by the API, and has its words under ``stages.``.

    `weight` is the usual duration beside the others of the same journey; 0 for what passes within another stage.
    """

    weight: float

    def __new__(cls, value: str, weight: float = 0.0) -> Stage:
        """A member that is its own value as a string."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.weight = weight
        return member

    def __str__(self) -> str:
        """The value, on every version of Python."""
        return str(self.value)

    # Within any other stage.
    WAITING = "waiting"
    LOAD_MODEL = "load model"
    RENDER = "render"
    # Model files.
    FETCH = "fetch", 1
    VERIFY = "verify"
    # Before a journey.
    PREPARE_TRAINER = "prepare trainer"
    SAMPLES = "samples"
    # Around journeys of many persons.
    BATCH = "batch"
    # From photos to a person.
    CHECK_PHOTOS = "check photos", 5
    PREPARE_PHOTOS = "prepare photos", 15
    TRAIN = "train", 62
    VALIDATION = "validation images", 16
    CHOOSE = "choosing", 2
    # From a template to a portrait: the whole, and what is done once a template.
    PORTRAIT = "portrait"
    ENHANCE_PHOTOS = "enhance photos"
    DETECT = "detect"
    DRAW = "draw"
    SKIN_TONE = "skin tone"
    SCORE = "score"
    # To one face, in this order.
    FUSION = "fusion", 3
    FIRST_PASS = "first pass", 4
    COLOR = "color", 1
    SECOND_FUSION = "second fusion", 3
    SECOND_PASS = "second pass", 4
    RETOUCH = "retouch", 1
    DETAIL = "detail", 2


FETCHING = (Stage.FETCH,)
CHECKING = (Stage.CHECK_PHOTOS,)
PREPARING = (Stage.CHECK_PHOTOS, Stage.PREPARE_PHOTOS)
TRAINING = (Stage.CHECK_PHOTOS, Stage.PREPARE_PHOTOS, Stage.TRAIN, Stage.VALIDATION, Stage.CHOOSE)
IN_TURNS = (Stage.TRAIN, Stage.VALIDATION)
"""Stages of one journey of which neither is behind us when the other is reported."""
WITHIN = (Stage.RENDER, Stage.ENHANCE_PHOTOS)
"""Stages whose counter is a part of the stage that they pass in."""


def spans(journey: tuple[Stage, ...]) -> tuple[tuple[float, float], ...]:
    """Begin and end of every stage of a journey, as parts 0..1 of the whole."""
    total = sum(stage.weight for stage in journey) or 1.0
    begun = [sum(stage.weight for stage in journey[:number]) / total for number in range(len(journey) + 1)]
    return tuple(pairwise(begun))
