"""Files of identity adapters, which make a diffusion model paint the face of a picture; told by their headers.

IP-Adapter (Ye et al. 2023, arXiv 2308.06721) adds to every cross-attention a second one over tokens of a face. Where
the tokens come from tells the kinds apart: from the image encoder ViT-H alone ("plain", "plus"), from a recognizer
(FaceID), from both (FaceID plus), or from a recognizer through a resampler and a ControlNet beside it (InstantID, Wang
et al. 2024, arXiv 2401.07519). Recognizers agree on nothing: an adapter reads the vectors of that one with which it was
trained, and no other's, even where they are as long.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from easyphoto.domain import IdentityHint, ModelFamily
from easyphoto.engines.adapter_tensors import ENDINGS, adapter_shapes
from easyphoto.engines.model_probe import family_of_control
from easyphoto.errors import BadModel, MissingModel, NoStorage
from easyphoto.locales import Message, message

ENCODER_FOLDER, ENCODER_MARK = "image_encoder", "vision_model.embeddings.class_embedding"
VIT_H_WIDTH = 1280
VECTOR = 512  # numbers of a face in the recognizers that adapters read

Shapes = Mapping[str, tuple[int, ...]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdapterKind:
    """Where an adapter's tokens come from."""

    name: str
    mark: str  # a tensor that it has
    vector: str = ""  # the tensor that reads a recognizer's vector; "": it reads none
    encoder: bool = False  # whether it reads the image encoder's answer
    recognizer: str = ""  # the file of the one that it was trained with
    network: bool = False  # whether a ControlNet goes with it
    weight: float = 0.6  # 0..1, that serves where none is asked for
    group: str = "identity-{family}"  # of `models/weights.toml`, that brings what it needs

    def fits(self, shapes: Shapes) -> bool:
        """Whether a file with those tensors is of this kind."""
        return self.mark in shapes and (not self.vector or shapes.get(self.vector, (0,))[-1] == VECTOR)


KINDS = (
    AdapterKind(
        "InstantID", "image_proj.latents", "image_proj.proj_in.weight",
        recognizer="glintr100.onnx", network=True, weight=0.8, group="instantid",
    ),
    AdapterKind(
        "FaceID plus", "image_proj.perceiver_resampler.proj_in.weight", "image_proj.proj.0.weight",
        encoder=True, recognizer="w600k_r50.onnx", weight=0.7, group="faceid-{family}",
    ),
    AdapterKind(
        "FaceID", "image_proj.norm.weight", "image_proj.proj.0.weight",
        recognizer="w600k_r50.onnx", weight=0.7, group="faceid-{family}",
    ),
    AdapterKind("IP-Adapter plus", "image_proj.latents", encoder=True),
    AdapterKind("IP-Adapter", "image_proj.proj.weight", encoder=True),
)  # fmt: skip
"""In the order of how near they come to a face; a file is of the first that fits."""


@dataclass(frozen=True)
class IdentityFiles:
    """An adapter and what it works with."""

    kind: AdapterKind
    adapter: Path
    encoder: Path | None = None  # a safetensors file of ViT-H, or a folder with its config.json
    recognizer: Path | None = None  # ONNX, 112 x 112 faces to `VECTOR` numbers
    network: Path | None = None  # a ControlNet's file or folder

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what the kind needs and the folder has not."""
        wanted = (
            (self.kind.encoder and self.encoder is None, ENCODER_FOLDER),
            (bool(self.kind.recognizer) and self.recognizer is None, self.kind.recognizer),
            (self.kind.network and self.network is None, "IdentityNet"),
        )
        return tuple(name for lacks, name in wanted if lacks)

    @property
    def second_version(self) -> bool:
        """Whether the recognizer's tokens are added to the resampler's ("plusv2"), which only a file's name tells."""
        return "v2" in self.adapter.name


def find_identity(folder: Path, family: ModelFamily) -> IdentityFiles | None:
    """The adapter for the family: complete ones first, then nearer kinds, then those for faces; None without any."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [entry for entry in entries if entry.suffix in ENDINGS and entry.is_file()]
    kinds = {file: kind for file in files if (kind := kind_of(file, family)) is not None}
    encoders = [folder / ENCODER_FOLDER, *(file for file in files if is_encoder(file))]
    networks = [entry for entry in entries if family_of_control(entry) is family]
    found = [_joined(file, kind, encoders, networks) for file, kind in kinds.items()]
    return min(found, key=_rank, default=None)


def _joined(file: Path, kind: AdapterKind, encoders: Sequence[Path], networks: Sequence[Path]) -> IdentityFiles:
    recognizer = file.parent / kind.recognizer if kind.recognizer else None
    return IdentityFiles(
        kind,
        file,
        next((one for one in encoders if one.exists()), None) if kind.encoder else None,
        recognizer if recognizer is not None and recognizer.is_file() else None,
        next(iter(networks), None) if kind.network else None,
    )


def _rank(files: IdentityFiles) -> tuple[bool, int, bool, bool, str]:
    name = files.adapter.name
    return bool(files.missing), KINDS.index(files.kind), "face" not in name, not files.second_version, name


def kind_of(file: Path, family: ModelFamily) -> AdapterKind | None:
    """Of an adapter that fits each cross-attention of the family; None for any other file."""
    shapes = _shapes(file)
    layers = sum(name.startswith("ip_adapter.") and name.endswith(".to_k_ip.weight") for name in shapes)
    if layers == 0 or layers != family.spec.identity_layers:
        return None
    return next((kind for kind in KINDS if kind.fits(shapes)), None)


def is_encoder(file: Path) -> bool:
    """Whether the file is the image encoder."""
    return _shapes(file).get(ENCODER_MARK) == (VIT_H_WIDTH,)


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Of the tensors; none in a file that cannot be read, which is logged."""
    try:
        return adapter_shapes(file)
    except (BadModel, NoStorage) as problem:
        _log.warning("left out of the list of identity adapters: %s", problem)
        return {}


def left_out(
    hint: IdentityHint, family: ModelFamily, folder: Path, files: IdentityFiles | None = None
) -> tuple[Message, ...]:
    """The note of a job that is painted without an adapter, or without the parts of `files` that are missing.

    Raises MissingModel where the job needs one.
    """
    told = {"group": (files.kind if files else KINDS[-1]).group.format(family=family.value), "folder": str(folder)}
    if files is None:
        if hint.required:
            raise MissingModel("engine.no-identity-adapter", stage="render", **told)
        return (message("engine.note.no-identity-adapter", **told),)
    told |= {"name": files.kind.name, "missing": ", ".join(files.missing)}
    if hint.required:
        raise MissingModel("engine.identity-incomplete", stage="render", **told)
    return (message("engine.note.identity-incomplete", **told),)
