"""The trainer's configuration (`TrainConfig`, one JSON file) and what it reports (`Event`, JSON lines on stdout).

Standard library only: both packages read it, and the writer may have neither torch nor our own packages.
Paths are stored as they are given; give absolute ones.
"""

from __future__ import annotations

from kohya_train.contract.config import (
    FAMILIES,
    VERSION,
    TrainConfig,
    ValidationPlan,
    ValidationTemplate,
)
from kohya_train.contract.events import (
    Done,
    Failed,
    Loaded,
    Resumed,
    Saved,
    Started,
    Stepped,
    TrainerEvent,
    ValidationSaved,
    Warned,
    decode,
    encode,
    failed,
    warned,
)
from kohya_train.contract.failures import BadConfig, TrainerError
from kohya_train.contract.landmarks import Landmarks, landmarks_file, read_landmarks, write_landmarks
from kohya_train.contract.plain import Bounds, bounds_of

STOP_WITH_PARENT = "--stop-with-parent"
"""Command line switch: end when standard input is closed, i.e. when the process that started us is gone."""
STOP_FILE = "stop"
"""A file of this name in the output folder: save the step that is done, and end as if it had been the last."""

__all__ = [
    "FAMILIES",
    "STOP_FILE",
    "STOP_WITH_PARENT",
    "VERSION",
    "BadConfig",
    "Bounds",
    "Done",
    "Failed",
    "Landmarks",
    "Loaded",
    "Resumed",
    "Saved",
    "Started",
    "Stepped",
    "TrainConfig",
    "TrainerError",
    "TrainerEvent",
    "ValidationPlan",
    "ValidationSaved",
    "ValidationTemplate",
    "Warned",
    "bounds_of",
    "decode",
    "encode",
    "failed",
    "landmarks_file",
    "read_landmarks",
    "warned",
    "write_landmarks",
]
