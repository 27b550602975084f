"""Pictures of a folder with their captions and masks, and what a caption becomes when it is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError

from kohya_train.contract import TrainConfig, TrainerError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MASK_MARK = "-masklabel"
"""End of the stem of a picture's mask beside it, OneTrainer's; kohya's masks lie in `mask/` under the same name."""
_REPEATED = re.compile(r"^(\d+)_")


class BadData(TrainerError):
    """The prepared folder is empty, or a picture or caption of it cannot be used."""


@dataclass(frozen=True)
class Example:
    """A training picture and its caption."""

    file: Path
    caption: str
    mask: Path | None = None  # "L", white = counts in full
    weight: float = 1.0  # of its loss; regularization pictures have their own


def open_picture(file: Path, mode: str = "RGB") -> Image.Image:
    """Decoded, in Pillow's `mode`. Raises BadData."""
    try:
        with Image.open(file) as opened:
            return opened.convert(mode)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as problem:
        raise BadData("unreadable-picture", file=file.name, why=str(problem)) from problem


def find_examples(config: TrainConfig) -> tuple[Example, ...]:
    """The training pictures, then as many turns of the regularization pictures. Raises BadData."""
    folder = Path(config.data_folder)
    examples = tuple(_in_folder(folder, config))
    if not examples:
        raise BadData("no-pictures", folder=str(folder / "train"))
    if not config.reg_folder:
        return examples
    regular = tuple(_in_folder(Path(config.reg_folder), config))
    if not regular:
        raise BadData("no-pictures", folder=config.reg_folder)
    turns = [replace(regular[i % len(regular)], weight=config.prior_loss_weight) for i in range(len(examples))]
    return (*examples, *turns)


def _in_folder(folder: Path, config: TrainConfig) -> Iterator[Example]:
    """Of `folder`/train where there is one; else of the folder itself and of kohya's folders "REPEATS_NAME" in it."""
    listed = _listed(folder / "metadata.jsonl")
    whole = folder / "train"
    places = [(whole, 1)] if whole.is_dir() else [(folder, 1), *_repeated(folder)]
    for place, repeats in places:
        for _ in range(repeats):
            for file in _pictures(place):
                yield Example(file, _caption(file, listed, config), _mask(file, folder))


def _repeated(folder: Path) -> list[tuple[Path, int]]:
    found = sorted(one for one in folder.glob("*") if one.is_dir())
    return [(one, int(match[1])) for one in found if (match := _REPEATED.match(one.name))]


def _pictures(folder: Path) -> list[Path]:
    """In numeric, then name order; masks are none."""
    files = (one for one in folder.glob("*") if one.suffix.lower() in SUFFIXES and not one.stem.endswith(MASK_MARK))
    return sorted(files, key=lambda one: (0, int(one.stem), "") if one.stem.isdecimal() else (1, 0, one.name))


def _mask(file: Path, folder: Path) -> Path | None:
    beside = file.with_name(f"{file.stem}{MASK_MARK}.png")
    return next((one for one in (beside, folder / "mask" / f"{file.stem}.png") if one.is_file()), None)


def _listed(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {Path(str(row["file_name"])).name: str(row["text"]) for row in rows}
    except (ValueError, KeyError, TypeError) as problem:
        raise BadData("damaged-metadata", file=str(file), why=str(problem)) from problem


def _caption(file: Path, listed: dict[str, str], config: TrainConfig) -> str:
    """Of the file beside the picture, else of metadata.jsonl, else the trigger word."""
    beside = file.with_suffix(config.caption_extension)
    text = beside.read_text(encoding="utf-8") if beside.is_file() else listed.get(file.name, config.trigger_word)
    if not text.strip():
        raise BadData("no-caption", file=file.name)
    return " ".join(text.split())


def drawn_caption(caption: str, config: TrainConfig, generator: torch.Generator) -> str:
    """The caption for one drawing: with some probability none, or its tags in another order but for the first ones."""
    if config.caption_dropout_rate and float(torch.rand((), generator=generator)) < config.caption_dropout_rate:
        return ""
    if not config.shuffle_caption:
        return caption
    tags = [tag.strip() for tag in caption.split(",")]
    kept, free = tags[: config.keep_tokens], tags[config.keep_tokens :]
    order = torch.randperm(len(free), generator=generator).tolist()
    return ", ".join([*kept, *(free[i] for i in order)])
