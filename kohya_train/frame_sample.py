"""A validation image of the inpainting model: a template's face painted anew from its shape and light alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from builtin_model.inpaint.frame import frame_of
from builtin_model.inpaint.geometry import oval_mask
from builtin_model.inpaint.parts import FaceInpaintModel
from builtin_model.inpaint.repaint import FrameRepaint, laid_back, repaint
from builtin_model.inpaint.sampling import Sampling
from kohya_train.contract import ValidationPlan, read_landmarks
from kohya_train.examples import open_picture

MASK_RATIO = 1.1  # of the face's oval


@torch.no_grad()
def painted_template(model: FaceInpaintModel, plan: ValidationPlan, file: Path, seed: int) -> Image.Image:
    """The picture with its face repainted, without any reference: whom it shows the LoRA alone decides."""
    picture = np.asarray(open_picture(file))
    face = read_landmarks(file)
    frame = frame_of(face.points)
    cut, mesh = frame.cut(picture), frame.points(face.mesh)
    mask = oval_mask(mesh, frame.side, MASK_RATIO)
    how = Sampling(plan.steps, plan.strength, seed)
    job = FrameRepaint(cut, mask, mesh=mesh, color=cut, prompt=plan.prompt, detail=0.0, sampling=how)
    return Image.fromarray(laid_back(picture, frame, repaint(model, job), mask, detail=0.0))
