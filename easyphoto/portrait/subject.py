"""A person made ready for portraits: pictures with faces, distances, the LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from easyphoto.domain import Face, Floats, IdentityHint, LoraUse, Person, Pixels
from easyphoto.errors import BadPicture, NoFace
from easyphoto.faces.arc_face import arc_face_crop
from easyphoto.faces.base import FaceToolbox, FusionSource, Prepare
from easyphoto.faces.likeness import outliers
from easyphoto.faces.skin_locus import plausible, usual_tone
from easyphoto.images import adapted, open_picture
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage

PHOTO_SIDE = 2048  # longer side at which the person's photos are read
FACE_SQUARE = 1.5  # side of the square that an identity adapter sees, in the face box's longer side
ALIGNED_SIDE, MOST_ALIGNED = 224, 8  # pixels of the faces that recognizers of adapters see, and how many of them
TWIN = 0.1  # L2 of the recognizer's vectors under which two pictures are one photo
CAST = 2.0  # a*b* units by which skin may depart from what it is in neutral light before a photo is corrected


@dataclass(frozen=True, eq=False)
class Subject:
    """Everything of a person that a portrait needs."""

    person: Person
    sources: tuple[FusionSource, ...]  # the reference first; each face carries its embedding
    face_id: FusionSource  # what is pasted for the pose hint
    tone: Floats | None = None  # of the skin in neutral light, (3,) L*a*b*; None where no photo shows enough of it
    enhanced: dict[int, FusionSource] = field(default_factory=dict)  # by id of the source; filled as photos are used

    @property
    def embeddings(self) -> Floats:
        """(n, d) of the sources."""
        return np.stack([s.face.embedding for s in self.sources if s.face.embedding is not None]).astype(np.float32)

    def enhancement(self, faces: FaceToolbox, report: Progress) -> Prepare:
        """Makes a photo's small face crisp when it is first used; further templates find it ready."""

        def prepare(source: FusionSource) -> FusionSource:
            if id(source) not in self.enhanced:
                report(Step(Stage.ENHANCE_PHOTOS, len(self.enhanced), len(self.sources)))
                self.enhanced[id(source)] = faces.enhance(source)
            return self.enhanced[id(source)]

        return prepare

    def distance(self, embedding: Floats) -> float:
        """Median L2 of a face to the person's photos; lower is nearer."""
        return float(np.median(np.linalg.norm(self.embeddings - embedding, axis=1)))

    def loras(self, weight: float) -> tuple[LoraUse, ...]:
        """The person's LoRA at `weight`; none when the person has none or the weight is 0."""
        if self.person.lora is None or weight == 0:
            return ()
        return (LoraUse(self.person.lora.file, weight),)

    def identity(self, weight: float) -> IdentityHint | None:
        """The reference's face for an identity adapter, needed where the person has no LoRA; None at weight 0."""
        if weight == 0:
            return None
        reference = self.sources[0]
        box = reference.face.box
        (x, y), half = box.center, max(box.width, box.height) * FACE_SQUARE / 2
        face = Image.fromarray(reference.picture).crop((x - half, y - half, x + half, y + half))
        aligned = tuple(
            Image.fromarray(arc_face_crop(one.picture, one.face.points, ALIGNED_SIDE))
            for one in self.sources[:MOST_ALIGNED]
        )
        return IdentityHint(face, weight, required=self.person.lora is None, aligned=aligned)


def open_subject(person: Person, faces: FaceToolbox) -> Subject:
    """Read the person's photos. Raises NoFace when not one of them shows a face any more."""
    files = [person.reference, *(f for f in person.photos if f != person.reference)]
    found = [source for file in files if (source := _source(file, faces)) is not None]
    if not found:
        raise NoFace("portrait.no-stored-face", stage="person", file=str(person.reference.name), name=person.name)
    sources, tones = balanced(_same_person(_without_twin(found), faces), faces)
    face_id = _source(person.face_id, faces) if person.face_id else None
    return Subject(person, tuple(sources), face_id or sources[0], usual_tone(tones))


def balanced(sources: Sequence[FusionSource], faces: FaceToolbox) -> tuple[list[FusionSource], list[Floats]]:
    """The photos with their skin in a color that skin has in neutral light, and its tones; lightness stays."""
    results: list[FusionSource] = []
    tones: list[Floats] = []
    for source in sources:
        tone = faces.skin_tone(source.picture, source.face)
        if tone is None:
            results.append(source)
            continue
        goal = plausible(tone)
        tones.append(np.array([tone[0], goal[1], goal[2]], np.float32))
        off = float(np.hypot(*(goal - tone)[1:]))
        results.append(replace(source, picture=adapted(source.picture, tone, goal)) if off > CAST else source)
    return results, tones


def _source(file: Path, faces: FaceToolbox) -> FusionSource | None:
    try:
        picture = np.asarray(open_picture(file, long_side=PHOTO_SIDE))
    except BadPicture:
        return None
    found = faces.detect(picture)
    if not found:
        return None
    face = max(found, key=lambda f: f.box.area)
    return FusionSource(picture, _embedded(picture, face, faces))


def _embedded(picture: Pixels, face: Face, faces: FaceToolbox) -> Face:
    return Face(face.box, face.points, face.score, face.pose, face.mesh, faces.embed(picture, face))


def _without_twin(sources: Sequence[FusionSource]) -> list[FusionSource]:
    """The first one, the reference, is one of the others in another file: of the two the larger face stays.

    Else the two photos that fusion tries would be one.
    """
    first, rest = sources[0], list(sources[1:])
    own, rows = first.face.embedding, [s.face.embedding for s in rest if s.face.embedding is not None]
    if own is None or not rows or len(rows) < len(rest):
        return list(sources)
    gaps = np.linalg.norm(np.stack(rows) - own, axis=1)
    if gaps.min() < TWIN:
        twin = rest.pop(int(np.argmin(gaps)))
        first = max(first, twin, key=lambda source: source.face.box.width)
    return [first, *rest]


def _same_person(sources: Sequence[FusionSource], faces: FaceToolbox) -> list[FusionSource]:
    """Without bystanders: photos whose biggest face is far from what the others agree on."""
    rows = np.stack([s.face.embedding for s in sources if s.face.embedding is not None])
    strangers = outliers(rows, faces.recognizer)
    return [source for source, stranger in zip(sources, strangers, strict=True) if not stranger] or list(sources)
