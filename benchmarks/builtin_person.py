"""What training a person brings to the inpainting model: portraits with and without LoRA against fusion alone.

    python benchmarks/builtin_person.py PEOPLE TEMPLATES --base DIR --out OUT [--faceres DIR]

`PYTHONPATH=.` where the program is not installed. The table is written after every person.

Of each person's photos 12 are trained on and fused from; likeness is the median over the rest: the toolbox's L2 (dlib,
lower is nearer) and, with --faceres, the cosine of an independent recognizer (higher is nearer).
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from faceres import FaceRes
from safetensors.torch import load_file, save_file

from builtin_model.inpaint.cache import FaceCache, FaceRecord, FoundFace, cut_canvas
from builtin_model.inpaint.frame import frame_of
from builtin_model.inpaint.geometry import oval_mask
from builtin_model.inpaint.lora import folded
from builtin_model.inpaint.parts import load
from builtin_model.inpaint.person import PersonRecipe, train_person
from builtin_model.inpaint.repaint import FrameRepaint, detail_of, laid_back, repaint
from builtin_model.inpaint.sampling import Sampling
from builtin_model.processor import bf16_probe
from easyphoto.domain import Face, Pixels
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths, default_root

CELL = 300


class Ruler:
    """Likeness of a picture to held-out photos, by both recognizers."""

    def __init__(self, toolbox: Any, faceres: FaceRes | None) -> None:
        self.toolbox, self.faceres = toolbox, faceres

    def vectors(self, picture: Pixels) -> tuple[np.ndarray, np.ndarray | None, Face] | None:
        faces = self.toolbox.detect(picture)
        if not faces:
            return None
        face = max(faces, key=lambda one: one.box.area)
        box = (face.box.left, face.box.top, face.box.right, face.box.bottom)
        other = self.faceres.embed(picture, box) if self.faceres else None
        return self.toolbox.embed(picture, face), other, face

    def likeness(self, picture: Pixels, held: list[Any]) -> tuple[float, float]:
        found = self.vectors(picture)
        if found is None:
            return float("nan"), float("nan")
        dlib = float(np.median([np.linalg.norm(found[0] - one[0]) for one in held]))
        cosine = float(np.median([found[1] @ one[1] for one in held])) if self.faceres else float("nan")
        return dlib, cosine


def read(file: Path) -> Pixels:
    return np.asarray(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB), np.uint8)


def photos_of(pictures: list[Pixels], faces: list[Face]) -> FaceCache:
    cuts = [cut_canvas(p, FoundFace(f.mesh, f.points, ())) for p, f in zip(pictures, faces, strict=True)]
    records = tuple(FaceRecord(str(i), "person", cut[2], 0.0, held_out=False) for i, cut in enumerate(cuts))
    return FaceCache(records, np.stack([cut[0] for cut in cuts]), np.stack([cut[1] for cut in cuts]))


def painted(model: Any, picture: Pixels, face: Face, strength: float, moved: Pixels | None) -> Pixels:
    """`moved` is fusion's mask; without it the picture is a template, repainted without reference."""
    frame = frame_of(face.points)
    cut, reference = frame.cut(picture), moved is not None
    mesh = frame.points(face.mesh)
    mask = oval_mask(mesh, frame.side, 1.1)
    if moved is not None:  # hair over the face was not moved and is not repainted
        mask = np.minimum(
            mask, cv2.dilate(frame.cut(np.where(moved > 40, np.uint8(255), np.uint8(0))), np.ones((9, 9)))
        )
    job = FrameRepaint(
        cut, mask, cut if reference else None, mesh, cut if reference else None, sampling=Sampling(20, strength, 1)
    )
    return laid_back(picture, frame, repaint(model, job), mask, detail_of(strength))


def crop(picture: Pixels, face: Face) -> Pixels:
    frame = frame_of(face.points).enlarged(CELL)
    return frame.cut(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faceres", type=Path)
    parser.add_argument("--names", nargs="*")
    parser.add_argument("--count", type=int, default=6, help="templates")
    parser.add_argument("--steps", type=int, default=150, help="of each LoRA; 0: without")
    parser.add_argument("--loras", type=Path, help="LoRAs of an earlier run's folder, instead of training")
    parser.add_argument("--strengths", type=float, nargs="*", default=[0.3, 0.5, 1.0])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    toolbox = BuiltinToolbox(Paths(default_root()))
    ruler = Ruler(toolbox, FaceRes(options.faceres) if options.faceres else None)
    model = load(options.base)
    files = sorted(options.templates.glob("*.jpg"))
    templates = [files[round(i)] for i in np.linspace(0, len(files) - 1, options.count)]
    table: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name in options.names or [folder.name for folder in sorted(options.people.iterdir())]:
        one_person(options, name, (toolbox, ruler, model, templates), table)
        summary = {k: [round(float(v), 4) for v in np.nanmean(rows, 0)] for k, rows in table.items()}
        (options.out / "result.json").write_text(json.dumps({"means": summary, "rows": table}, indent=1))
        for key, value in summary.items():
            print(f"{key:40s} dlib {value[0]:.3f}  independent {value[1]:.3f}  ({len(table[key])})", flush=True)


def lora_of(options: argparse.Namespace, name: str, model: Any, trained: list[Any]) -> dict[str, Any]:
    if options.steps == 0:
        return {}
    if options.loras:
        return load_file(options.loras / f"{name}.safetensors")
    begun, clock = time.process_time(), time.monotonic()
    lora = train_person(
        model,
        photos_of([p for p, _ in trained], [f[2] for _, f in trained]),
        PersonRecipe(steps=options.steps, autocast=bf16_probe().faster),
        lambda done, total, value: print(f"{name} {done}/{total} {value:.4f}", flush=True) if done % 50 == 0 else None,
    )
    print(f"{name}: {time.process_time() - begun:.0f} s of processor, {time.monotonic() - clock:.0f} s", flush=True)
    save_file(lora, options.out / f"{name}.safetensors")
    return lora


def one_person(options: argparse.Namespace, name: str, tools: Any, table: dict[str, list[tuple[float, float]]]) -> None:
    toolbox, ruler, model, templates = tools
    pictures = [read(file) for file in sorted((options.people / name).glob("*.jpg"))]
    found = [ruler.vectors(picture) for picture in pictures]
    usable = [(p, f) for p, f in zip(pictures, found, strict=True) if f is not None]
    trained, held = usable[:: max(1, len(usable) // 12)][:12], []
    held = [f for p, f in usable if not any(p is q for q, _ in trained)]
    lora = lora_of(options, name, model, trained)
    sources = [FusionSource(p, f[2]) for p, f in trained]
    rows = []
    for file in templates:
        template = read(file)
        face = max(toolbox.detect(template), key=lambda one: one.box.area)
        fusion = toolbox.fuse(FusionTarget(template, face), sources)
        fused = fusion.picture
        laid = max(toolbox.detect(fused), key=lambda one: one.box.area)
        cells = [crop(template, face), crop(fused, laid)]
        table["template"].append(ruler.likeness(template, held))
        table["fused"].append(ruler.likeness(fused, held))
        for with_lora in (False, True) if lora else (False,):
            with folded(model.unet, [(lora, 1.0)] if with_lora else []):
                for strength in options.strengths:
                    made = painted(model, fused, laid, strength, fusion.mask)
                    key = f"fused at {strength}, {'LoRA' if with_lora else 'bare'}"
                    table[key].append(ruler.likeness(made, held))
                    cells.append(crop(made, laid))
                for strength in (0.5, 1.0):
                    made = painted(model, template, face, strength, None)
                    key = f"template at {strength}, {'LoRA' if with_lora else 'bare'}"
                    table[key].append(ruler.likeness(made, held))
        rows.append(np.concatenate([*cells, crop(trained[0][0], trained[0][1][2])], 1))
    cv2.imwrite(str(options.out / f"{name}.png"), np.concatenate(rows)[..., ::-1])


if __name__ == "__main__":
    main()
