"""Crop-and-paste by five points: the picture the pose hint is drawn from."""

from __future__ import annotations

import numpy as np

from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.geometry import similarity_transform, transform_points
from easyphoto.portrait.compose import FaceCanvas, found_again, outline
from easyphoto.portrait.repaint import PoseReference
from easyphoto.portrait.subject import Subject


def pose_reference(canvas: FaceCanvas, subject: Subject, faces: FaceToolbox) -> PoseReference:
    """The person's face-id picture pasted over the template's face by a least-squares similarity of five points.

    It feeds the pose hint only, so its hard edge is never seen. Where no face is found in the
    paste, the template's own face guides.
    """
    import cv2

    source = subject.face_id
    matrix = similarity_transform(source.face.points, canvas.face.points)
    height, width = canvas.pixels.shape[:2]
    warped = cv2.warpAffine(source.picture, matrix, (width, height), flags=cv2.INTER_AREA)
    inside = cv2.warpAffine(outline(source.picture.shape[:2], source.face), matrix, (width, height))
    pasted = np.where(inside[..., None] > 127, warped, canvas.pixels).astype(np.uint8)
    center = transform_points(matrix, [source.face.box.center])[0]
    near = [f for f in faces.detect(pasted) if np.hypot(*(np.array(f.box.center) - center)) < f.box.width / 2]
    return PoseReference(pasted, tuple(near[:1]) or (canvas.face,))


def picture_reference(canvas: FaceCanvas, subject: Subject, faces: FaceToolbox) -> PoseReference:
    """The face as it is in the picture now, where fusion has brought the person's shape already."""
    return PoseReference(canvas.pixels, (found_again(canvas.pixels, canvas.face, faces),))
