"""The whole toolbox with random weights: every role by itself and all of them through a training and a portrait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from modelscope_weights import placeholder, random_tensors
from PIL import Image
from torch import nn

from easyphoto.domain import Face, ModelFamily, Photo, PortraitRequest, QuickRequest, Template, TrainRequest
from easyphoto.faces.base import FaceToolbox, FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.geometry import moved
from easyphoto.faces.modelscope import commercial, files, fuser, parser, restorer, retoucher, segmenter, weights
from easyphoto.faces.modelscope.blemish_nets import BlemishDetector, BlemishPainter
from easyphoto.faces.modelscope.curricular_face import CurricularFace
from easyphoto.faces.modelscope.face_quality import QualityBackbone, QualityHead
from easyphoto.faces.modelscope.face_shape import FaceShapeNet, JawModel
from easyphoto.faces.modelscope.gpen import Gpen
from easyphoto.faces.modelscope.retinaface import RetinaFace
from easyphoto.faces.modelscope.rrdb import RrdbNet, RrdbShape
from easyphoto.faces.modelscope.skin_unet import SkinUNet
from easyphoto.faces.modelscope.u2net import U2Net
from easyphoto.faces.roles import Role
from easyphoto.paths import Paths
from easyphoto.providers import Toolboxes
from easyphoto.studio import Studio

pytestmark = pytest.mark.slow

NETWORKS: dict[files.NetworkFile, Callable[[], nn.Module]] = {
    files.RETINAFACE: RetinaFace,
    files.CURRICULAR_FACE: CurricularFace,
    files.U2NET: U2Net,
    files.SKIN_UNET: SkinUNet,
    files.GPEN_512: lambda: Gpen((16, 16, 8, 8, 4)),
    files.GPEN_1024: lambda: Gpen((16, 16, 8, 8, 4, 4)),
    files.REALESRNET: lambda: RrdbNet(RrdbShape(8, 4, 1, 2)),
    files.REALESRGAN: lambda: RrdbNet(RrdbShape(8, 4, 1, 2)),
    files.QUALITY_BACKBONE: QualityBackbone,
    files.QUALITY_HEAD: QualityHead,
    files.FACE_SHAPE: FaceShapeNet,
}
"""Of the true shapes where the file does not say the size, small where it does."""


class PlainFusion(nn.Module):
    """Stands in for AEI-Net, whose 224 million weights take their time: the template's face, lighter."""

    def forward(self, face: torch.Tensor, identity: torch.Tensor, *outlines: torch.Tensor) -> torch.Tensor:
        assert face.shape == (1, 3, 256, 256) and identity.shape == (1, 512)
        assert [one.shape for one in outlines] == [(1, 17, 2)] * 2
        return face * 0.8 + 0.2


class PlainParsing:
    """Sees skin everywhere."""

    def __init__(self, file: Path, arena: bool = True) -> None:
        assert file.is_file()

    def run(self, blob: np.ndarray) -> tuple[np.ndarray, ...]:
        logits = np.zeros((1, 19, 512, 512), np.float32)
        logits[:, 1] = 9
        return (logits,)


class PlainRestoring(PlainParsing):
    """Leaves faces as they are."""

    def run(self, blob: np.ndarray) -> tuple[np.ndarray, ...]:
        return (blob,)


@cache
def drawn(network: files.NetworkFile) -> dict[str, torch.Tensor]:
    return random_tensors(NETWORKS[network]) if network in NETWORKS else {}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    """A data folder with every file, empty; reading one gives random weights."""
    paths = Paths(tmp_path)
    everything = {one for table in (files.NEEDED, files.COMMERCIAL) for needed in table.values() for one in needed}
    placeholder(paths, *everything)
    cv2.imwrite(str(files.FUSION_ALPHA.path(paths)), np.full((256, 256), 200, np.uint8))

    def read(file: Path) -> dict[str, object]:
        network = next(one for one in everything if one.path(paths) == file)
        if network == files.BLEMISH_NETS:
            parts = {"detection_net": BlemishDetector, "inpainting_net": BlemishPainter}
            return {name: random_tensors(make) for name, make in parts.items()}
        found = drawn(network)
        heads = {name: 0 * value for name, value in found.items() if name.startswith("ClassHead")}
        return found | heads  # what is as probable as not is no face

    plain = weights.filled
    monkeypatch.setattr(weights, "_read", read)
    monkeypatch.setattr(parser, "OnnxNet", PlainParsing)
    monkeypatch.setattr(commercial, "OnnxNet", PlainRestoring)
    for name in ("_SIDE", "_DETECT_SIDE", "_PATCH"):  # the time is the square of them
        monkeypatch.setattr(retoucher, name, 128)
    monkeypatch.setattr(segmenter, "_SIDE", 64)
    monkeypatch.setattr(restorer, "accepted", lambda before, after: 0 <= before.quality <= 1)
    monkeypatch.setattr(fuser, "filled", lambda make, *a: PlainFusion() if make is fuser.AeiNet else plain(make, *a))
    draw = np.random.default_rng(0)
    parts = (draw.normal(0, 0.1, shape).astype(np.float32) for shape in ((17, 3), (17, 3, 80), (17, 3, 64)))
    model = JawModel(*parts)
    monkeypatch.setattr(fuser.JawModel, "read", lambda file: model)
    yield paths


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.asarray(Image.open(Paths(Path("none")).samples / "astronaut.png").convert("RGB"))


@pytest.fixture(scope="module")
def face(photo: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Face:
    (found,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("home"))).detect(photo)
    return found


def use(tools: FaceToolbox, role: Role, photo: np.ndarray, face: Face) -> None:
    """One call of that role, and what its result must be."""
    small = FusionSource(photo, face)
    if role is Role.DETECT:
        assert isinstance(tools.detect(photo), list)
    elif role is Role.RECOGNIZE:
        assert tools.recognizer.name == "curricularface-ir101"
        assert np.linalg.norm(tools.embed(photo, face)) == pytest.approx(1, abs=1e-4)
    elif role is Role.SEGMENT:
        assert tools.matte(photo).shape == photo.shape[:2]
    elif role is Role.PARSE:
        assert tools.regions(photo, face).skin.max() == 255
    elif role is Role.RETOUCH:
        out = tools.retouch(photo, face, 1.0)
        assert out.shape == photo.shape and np.array_equal(out[-1], photo[-1])
    elif role is Role.ENHANCE:
        assert tools.sharpen(photo[:80, :60], 1.5).shape == (120, 90, 3)
        enhanced = tools.enhance(enlarged(photo, face))
        assert enhanced.face.box.width == pytest.approx(480, abs=5)
        assert tools.enhance(enhanced) is enhanced
    elif role is Role.FUSE:
        fused = tools.fuse(FusionTarget(photo, face), [small])
        assert np.array_equal(fused.picture[fused.mask == 0], photo[fused.mask == 0])
        assert fused.mask.any()


def enlarged(photo: np.ndarray, face: Face) -> FusionSource:
    """With a face that is wide enough to be enhanced."""
    large = np.asarray(cv2.resize(photo, None, fx=1.2, fy=1.2), np.uint8)
    return FusionSource(large, moved(face, 1.2, (0.0, 0.0)))


def test_every_role_by_itself(paths: Paths, photo: np.ndarray, face: Face):
    toolboxes = Toolboxes(paths)
    for role in files.NEEDED:
        choice = toolboxes.choice(f"{role.value}=modelscope")
        assert choice.by_role == {**dict.fromkeys(Role, "built-in"), role: "modelscope"}
        use(toolboxes.get(f"{role.value}=modelscope"), role, photo, face)
        toolboxes.release()
    use(toolboxes.get("enhance=commercial-safe"), Role.ENHANCE, photo, face)
    assert set(toolboxes.choice("commercial-safe").by_role.values()) == {"built-in", "commercial-safe"}
    whole = toolboxes.choice("modelscope")
    assert whole == toolboxes.choice("auto") and not whole.notes
    assert whole.by_role[Role.TONE] == "built-in"


def test_photos_and_a_portrait_with_every_network(paths: Paths, photo: np.ndarray, tmp_path: Path):
    """Random weights find no faces, so that one role is the built-in one."""
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(photo[:, ::-1].copy()).save(tmp_path / "t.png")
    studio = Studio.local(paths.root, faces="auto")
    faces = "detect=built-in"
    made = studio.train(
        TrainRequest(person="Ann", consent=True, train_lora=False, faces=faces), [Photo(tmp_path / "a.png", "a.png")]
    )
    assert made.person.recognizer == "curricularface-ir101"
    portrait = PortraitRequest.for_family(ModelFamily.BUILTIN, seed=1, faces=faces, retouch=True, enhance_detail=True)
    request = QuickRequest(portrait, consent=True)
    done = studio.quick(request, [Photo(tmp_path / "a.png", "a.png")], [Template(tmp_path / "t.png", "t")])
    assert not done.batch.failures
    (result,) = done.batch.portraits
    assert "fuse=modelscope" in result.infotext and result.file.is_file()
