"""What to make of each photo: keep, warn or drop, each with its reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from easyphoto.domain import GOOD_FACE_PX, PhotoReport, Pose, Verdict
from easyphoto.faces.base import Recognizer
from easyphoto.locales import Message, message
from easyphoto.training.identity import Identity, find_person
from easyphoto.training.photo_metrics import FaceMetrics, PhotoMetrics

DROP_FACE_PX = 64
"""Shorter side of the face in the file under which a photo is left out."""
DROP_SHARPNESS, WARN_SHARPNESS = 0.022, 0.045  # a blur of about 3 % and 2 % of the face's width
DROP_YAW, WARN_YAW = 65.0, 40.0  # degrees; beyond 65 one eye is hidden
DROP_PITCH, WARN_PITCH = 50.0, 30.0
WARN_ROLL = 40.0
DARK, BRIGHT = 35.0, 230.0  # mean luma of the face
WARN_CUT = 0.85  # share of the face's box inside the picture
NEAR_LIMIT = 0.8  # of the limit for strangers: still this person, but barely
SAME_BITS = 5  # of 64 bits of the fingerprint


@dataclass(frozen=True, eq=False)
class PhotoCheck:
    """A photo with the face that is meant and the verdict."""

    seen: PhotoMetrics
    face: FaceMetrics | None
    report: PhotoReport
    repeat: bool = False  # shows what another photo shows

    @property
    def usable(self) -> bool:
        """Not dropped."""
        return self.report.verdict is not Verdict.DROP and self.face is not None


@dataclass(frozen=True, eq=False)
class PhotoChecks:
    """All photos in the order they came in, and what is to be said of the set."""

    photos: tuple[PhotoCheck, ...]
    warnings: tuple[Message, ...] = ()

    @property
    def reports(self) -> tuple[PhotoReport, ...]:
        """In order."""
        return tuple(one.report for one in self.photos)


def check_photos(seen: Sequence[PhotoMetrics], recognizer: Recognizer) -> PhotoChecks:
    """A verdict for every photo. The user's own "keep" or "drop" wins, save where there is no face to keep."""
    person = find_person([s for s in seen if s.photo.override != "drop"], recognizer.same)
    places = iter(range(len(seen)))
    judged = [
        _left_out(one) if one.photo.override == "drop" else _checked(one, next(places), person, recognizer)
        for one in seen
    ]
    warnings = (person.warning,) if person and person.warning else ()
    return PhotoChecks(tuple(_without_repeats(judged, recognizer)), warnings)


def _left_out(seen: PhotoMetrics) -> PhotoCheck:
    """What the user has dropped."""
    report = PhotoReport(seen.photo.name, Verdict.DROP, (message("photo.left-out"),), len(seen.faces), seen.size)
    return PhotoCheck(seen, None, report)


def _checked(seen: PhotoMetrics, place: int, person: Identity | None, recognizer: Recognizer) -> PhotoCheck:
    """One photo by itself; repeats are found later."""
    base = PhotoReport(seen.photo.name, Verdict.DROP, (), len(seen.faces), seen.size)
    if seen.problem:
        return PhotoCheck(seen, None, replace(base, reasons=seen.problem))
    number = person.nearest[place] if person else None
    if person is None or number is None:
        return PhotoCheck(seen, None, replace(base, reasons=(message("photo.no-face"),)))
    face, distance = seen.faces[number], person.distances[place]
    rejections = _rejections(seen, face) + _stranger(distance, person)
    warnings = _warnings(seen, face, distance / person.limit)
    verdict = Verdict.DROP if rejections else Verdict.WARN if warnings else Verdict.KEEP
    report = replace(
        base,
        verdict=Verdict.KEEP if seen.photo.override == "keep" else verdict,
        reasons=(*rejections, *warnings),
        face_px=seen.face_px(face),
        sharpness=round(face.sharpness, 4),
        pose=face.face.pose,
        box=seen.box_in_file(face),
        distance=round(distance, 4),
    )
    return PhotoCheck(seen, face, report)


def _rejections(seen: PhotoMetrics, face: FaceMetrics) -> tuple[Message, ...]:
    """Why this face cannot be learnt from."""
    px, yaw, pitch = seen.face_px(face), abs(face.face.pose.yaw), abs(face.face.pose.pitch)
    up = face.face.pose.pitch > 0
    rules = (
        (px < DROP_FACE_PX, message("photo.face-too-small", pixels=px, needed=DROP_FACE_PX)),
        (face.sharpness < DROP_SHARPNESS, message("photo.face-too-blurred")),
        (yaw > DROP_YAW, message("photo.head-turned-away", degrees=yaw)),
        (pitch > DROP_PITCH and up, message("photo.head-tilted-up", degrees=pitch)),
        (pitch > DROP_PITCH and not up, message("photo.head-tilted-down", degrees=pitch)),
    )
    return tuple(reason for broken, reason in rules if broken)


def _warnings(seen: PhotoMetrics, face: FaceMetrics, strangeness: float) -> tuple[Message, ...]:
    """What makes the photo less useful."""
    px, pose = seen.face_px(face), face.face.pose
    rules = (
        (DROP_FACE_PX <= px < GOOD_FACE_PX, message("photo.face-small", pixels=px, good=GOOD_FACE_PX)),
        (DROP_SHARPNESS <= face.sharpness < WARN_SHARPNESS, message("photo.face-little-blurred")),
        (WARN_YAW < abs(pose.yaw) <= DROP_YAW, message("photo.head-turned", degrees=abs(pose.yaw))),
        (WARN_PITCH < pose.pitch <= DROP_PITCH, message("photo.head-looks-up", degrees=pose.pitch)),
        (WARN_PITCH < -pose.pitch <= DROP_PITCH, message("photo.head-looks-down", degrees=-pose.pitch)),
        (abs(pose.roll) > WARN_ROLL, message("photo.head-leans", degrees=abs(pose.roll))),
        (face.light < DARK, message("photo.face-dark")),
        (face.light > BRIGHT, message("photo.face-overexposed")),
        (face.inside < WARN_CUT, message("photo.face-cut")),
        (NEAR_LIMIT < strangeness <= 1, message("photo.barely-alike")),
    )
    return tuple(reason for broken, reason in rules if broken)


def _stranger(distance: float, person: Identity) -> tuple[Message, ...]:
    """Someone else than in the other photos, or so different a look that it would blur the likeness."""
    if distance <= person.limit:
        return ()
    return (message("photo.other-person"), *((person.warning,) if person.warning else ()))


def _without_repeats(judged: Sequence[PhotoCheck], recognizer: Recognizer) -> list[PhotoCheck]:
    """Of photos that are nearly one and the same the best stays; exact repeats are dropped, others get a warning."""
    out = list(judged)
    order = sorted((i for i, one in enumerate(judged) if one.usable), key=lambda i: -quality(judged[i], recognizer))
    kept: list[int] = []
    for i in order:
        first = next((k for k in kept if _alike(judged[k], judged[i], recognizer)), None)
        if first is None:
            kept.append(i)
        elif judged[i].seen.photo.override != "keep":
            out[i] = _as_repeat(judged[i], judged[first])
    return out


def _alike(one: PhotoCheck, other: PhotoCheck, recognizer: Recognizer) -> bool:
    """The same scene by its fingerprint, with the same look on the same face."""
    bits = int((one.seen.fingerprint != other.seen.fingerprint).sum())
    return bits <= SAME_BITS and _gap(one, other) <= recognizer.strict / 2


def _gap(one: PhotoCheck, other: PhotoCheck) -> float:
    """L2 of the two chosen faces."""
    if one.face is None or other.face is None:
        return math.inf
    a, b = one.face.face.embedding, other.face.face.embedding
    return math.inf if a is None or b is None else float(np.linalg.norm(a - b))


def _as_repeat(judged: PhotoCheck, first: PhotoCheck) -> PhotoCheck:
    """With the verdict of a repeat."""
    exact = _gap(judged, first) < 1e-3
    name, report = first.report.name, judged.report
    reason = message("photo.same-picture", name=name) if exact else message("photo.nearly-same-picture", name=name)
    verdict = Verdict.DROP if exact else Verdict.WARN
    return replace(judged, report=replace(report, verdict=verdict, reasons=(*report.reasons, reason)), repeat=True)


def angle_score(pose: Pose) -> float:
    """1 for a face seen straight from the front and upright, falling to 0 at 90 degrees of yaw, pitch or roll."""
    return math.prod(max(0.0, 1 - abs(angle) / 90) for angle in (pose.yaw, pose.pitch, pose.roll))


def closeness(distance: float, recognizer: Recognizer) -> float:
    """L2 as a likeness: 0.5 at the recogniser's limit for the same person, towards 1 when nearer."""
    return 1 / (1 + math.exp(min(60.0, 7.2 * (distance / recognizer.same - 1))))


def quality(judged: PhotoCheck, recognizer: Recognizer) -> float:
    """How well the photo serves as the reference: angle x likeness, less for soft, small or cut faces."""
    if judged.face is None or judged.report.distance is None:
        return 0.0
    crisp = min(1.0, max(0.05, judged.face.sharpness / (3 * WARN_SHARPNESS)))
    large = min(1.0, judged.report.face_px / GOOD_FACE_PX)
    look = angle_score(judged.face.face.pose) * closeness(judged.report.distance, recognizer)
    return look * math.sqrt(crisp * large) * judged.face.inside
