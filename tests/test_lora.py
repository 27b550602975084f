import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_files import write_lora

from easyphoto.domain import ModelFamily
from easyphoto.errors import BadModel, BadRequest
from easyphoto.lora import inspect, merge
from easyphoto.lora.merging import Factors, concatenate, truncate
from easyphoto.tensor_file import TensorFile, read_header, write_tensors

NAME = "lora_unet_mid_block_attentions_0_proj_in"


def one_module(file: Path, up: Any, down: Any, alpha: float | None = None, **metadata: str) -> Path:
    factors = np.asarray(up, np.float32), np.asarray(down, np.float32)
    return write_lora(file, {NAME: factors}, alpha, **metadata)


def change(file: Path) -> np.ndarray:
    """(alpha / r) * up @ down, the way every loader does it."""
    opened = TensorFile(file)
    down, up = opened.read(f"{NAME}.lora_down.weight"), opened.read(f"{NAME}.lora_up.weight")
    rank = len(down)
    return opened.read(f"{NAME}.alpha").item() / rank * up.reshape(len(up), rank) @ down.reshape(rank, -1)


# ---------------------------------------------------------------- merging


@pytest.mark.parametrize("mode", ["exact", "rank"])
def test_merging_agrees_with_the_hand_calculation(tmp_path: Path, mode: str):
    first = one_module(tmp_path / "a.safetensors", [[1], [2]], [[3, 4]], alpha=1)  # [[3, 4], [6, 8]]
    second = one_module(tmp_path / "b.safetensors", [[2], [4]], [[1, 0]], alpha=0.5)  # half of [[2, 0], [4, 0]]
    merge([(first, 0.75), (second, 0.25)], tmp_path / "m.safetensors", mode)
    # .75 * [[3, 4], [6, 8]] + .25 * [[1, 0], [2, 0]]: rank 1 by construction, so both modes are exact
    np.testing.assert_allclose(change(tmp_path / "m.safetensors"), [[2.5, 3], [5, 6]], rtol=2e-3)
    assert inspect(tmp_path / "m.safetensors").rank == (2 if mode == "exact" else 1)


def test_averaging_up_and_down_apart_is_wrong_and_ours_is_not(tmp_path: Path):
    # The same change written twice, once with both signs turned: its mean is itself.
    up, down = np.array([[1.0], [2.0]]), np.array([[3.0, 4.0]])
    files = [one_module(tmp_path / "a.safetensors", up, down, 1), one_module(tmp_path / "b.safetensors", -up, -down, 1)]
    truth = up @ down
    apart = ((up - up) / 2) @ ((down - down) / 2)
    assert np.abs(apart - truth).max() == 8  # everything the person's LoRA had learnt is gone
    for mode in ("exact", "rank"):
        merge([(file, 0.5) for file in files], tmp_path / "m.safetensors", mode)
        np.testing.assert_allclose(change(tmp_path / "m.safetensors"), truth, rtol=2e-3)


def test_rank_mode_is_the_nearest_of_that_rank(tmp_path: Path):
    rng = np.random.default_rng(1)
    files = [
        one_module(tmp_path / f"{i}.safetensors", rng.normal(size=(20, 4)), rng.normal(size=(4, 15)), 2)
        for i in range(3)
    ]
    merge([(file, 1 / 3) for file in files], tmp_path / "exact.safetensors", "exact")
    merge([(file, 1 / 3) for file in files], tmp_path / "rank.safetensors", "rank")
    whole = sum(change(file) for file in files) / 3
    np.testing.assert_allclose(change(tmp_path / "exact.safetensors"), whole, atol=5e-3)
    u, sizes, v = np.linalg.svd(whole)
    best = (u[:, :4] * sizes[:4]) @ v[:4]
    np.testing.assert_allclose(change(tmp_path / "rank.safetensors"), best, atol=5e-3)
    assert (inspect(tmp_path / "exact.safetensors").rank, inspect(tmp_path / "rank.safetensors").rank) == (12, 4)


def test_convolutions_keep_their_shape(tmp_path: Path):
    rng = np.random.default_rng(1)
    files = [
        one_module(tmp_path / f"{i}", rng.normal(size=(6, 2, 1, 1)), rng.normal(size=(2, 5, 3, 3)), 2) for i in range(2)
    ]
    merge([(file, 0.5) for file in files], tmp_path / "m", "rank")
    shapes = {name.split(".", 1)[1]: shape for name, shape in read_header(tmp_path / "m").shapes.items()}
    assert shapes == {"lora_down.weight": (2, 5, 3, 3), "lora_up.weight": (6, 2, 1, 1), "alpha": ()}


def test_a_negative_weight_subtracts(tmp_path: Path):
    file = one_module(tmp_path / "a", [[1], [2]], [[3, 4]], 1)
    merge([(file, 1.0), (file, -0.25)], tmp_path / "m", "exact")
    np.testing.assert_allclose(change(tmp_path / "m"), 0.75 * np.array([[3, 4], [6, 8]]), rtol=2e-3)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_truncation_is_no_further_off_than_the_svd(out: int, into: int, have: int, want: int, seed: int):
    rng = np.random.default_rng(seed)
    whole = Factors(rng.normal(size=(out, have)).astype(np.float32), rng.normal(size=(have, into)).astype(np.float32))
    cut = truncate(whole, want)
    assert cut.up.shape[1] <= max(want, have)
    left_out = np.linalg.svd(whole.product, compute_uv=False)[want:]
    assert np.linalg.norm(whole.product - cut.product) <= np.linalg.norm(left_out) + 1e-4


def test_concatenation_is_the_sum_of_products():
    rng = np.random.default_rng(0)
    parts = [Factors(rng.normal(size=(3, 2)), rng.normal(size=(2, 4))) for _ in range(3)]
    np.testing.assert_allclose(concatenate(parts).product, sum(part.product for part in parts))


def test_metadata_and_hashes_come_along(tmp_path: Path):
    file = one_module(
        tmp_path / "a.safetensors", [[1.0]], [[1.0]], 1, ss_output_name="爱", ss_base_model_version="sd_v1"
    )
    merge([(file, 1.0)], tmp_path / "m.safetensors", "rank")
    kept = inspect(tmp_path / "m.safetensors").metadata
    assert kept["ss_output_name"] == "爱"
    assert kept["easyphoto_merge"] == "rank: a.safetensors*1"
    assert len(kept["sshs_model_hash"]) == 64
    whole = (tmp_path / "m.safetensors").read_bytes()
    body = whole[8 + int.from_bytes(whole[:8], "little") :]
    assert kept["sshs_model_hash"] == hashlib.sha256(body).hexdigest()
    assert not list(tmp_path.glob("*.part"))


def test_safetensors_itself_reads_what_we_write(tmp_path: Path):
    from safetensors.numpy import load_file

    file = one_module(tmp_path / "a.safetensors", np.eye(3), np.eye(3), 3, ss_v2="False")
    merge([(file, 1.0)], tmp_path / "m.safetensors", "exact")
    np.testing.assert_allclose(load_file(tmp_path / "m.safetensors")[f"{NAME}.lora_up.weight"], np.eye(3))


def test_wrong_orders_are_refused(tmp_path: Path):
    file = one_module(tmp_path / "a", [[1.0]], [[1.0]], 1)
    with pytest.raises(BadRequest):
        merge([(file, 1.0)], tmp_path / "m", "mean")
    with pytest.raises(BadRequest):
        merge([], tmp_path / "m", "exact")
    other = one_module(tmp_path / "b", [[1.0], [2.0]], [[1.0]], 1)
    with pytest.raises(BadModel, match="other modules"):
        merge([(file, 0.5), (other, 0.5)], tmp_path / "m", "exact")
    assert not (tmp_path / "m").exists()


# ---------------------------------------------------------------- inspecting


def test_bf16_is_read(tmp_path: Path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"x": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}, str(tmp_path / "x"))
    np.testing.assert_array_equal(TensorFile(tmp_path / "x").read("x"), [1.5, -2.0])


@pytest.mark.parametrize(
    ("version", "family"),
    [
        ("sd_v1", ModelFamily.SD15),
        ("sdxl_base_v1-0", ModelFamily.SDXL),
        ("easyphoto_builtin", ModelFamily.BUILTIN),
        ("easyphoto_embedded", ModelFamily.BUILTIN),
        ("sd_v2", None),
    ],
)
def test_family_is_told_by_metadata(tmp_path: Path, version: str, family: ModelFamily | None):
    assert inspect(one_module(tmp_path / "a", [[1]], [[1]], 1, ss_base_model_version=version)).family == family


@pytest.mark.parametrize(("width", "family"), [(768, ModelFamily.SD15), (2048, ModelFamily.SDXL), (1024, None)])
def test_family_is_told_by_the_cross_attention(tmp_path: Path, width: int, family: ModelFamily | None):
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    down, up = np.zeros((4, width), np.float32), np.zeros((320, 4), np.float32)
    write_tensors(tmp_path / "a", {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, {})
    assert inspect(tmp_path / "a").family == family


def raw(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}

HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94",
    "header longer than the file": (10**6).to_bytes(8, "little") + b"{}",
    "header of exabytes": (2**63).to_bytes(8, "little") + b"{}",
    "not json": raw(b"{]"),
    "not utf-8": raw(b"\xff\xfe\xfd"),
    "a list": raw([]),
    "deep nesting": raw(b"[" * 100_000),
    "no module": raw({"x": F32}, b"1234"),
    "nothing": raw({}),
    "cut": raw({"x": F32}, b"12"),
    "longer": raw({"x": F32}, b"12345678"),
    "overlap": raw({"x": F32, "y": F32}, b"1234"),
    "gap": raw({"x": {**F32, "data_offsets": [4, 8]}}, b"12345678"),
    "negative": raw({"x": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}, b"1234"),
    "huge shape": raw({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"1234"),
    "shape of text": raw({"x": {**F32, "shape": ["1"]}}, b"1234"),
    "boolean offsets": raw({"x": {"dtype": "U8", "shape": [1], "data_offsets": [False, True]}}, b"1"),
    "unknown type": raw({"x": {**F32, "dtype": "OBJECT"}}, b"1234"),
    "type is a list": raw({"x": {**F32, "dtype": []}}, b"1234"),
    "metadata is a number": raw({"__metadata__": {"a": 1}}),
    "metadata is text": raw({"__metadata__": "a"}),
    "up is missing": raw({"lora_unet_a.lora_down.weight": {**F32, "shape": [1, 1]}}, b"1234"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_damaged_and_hostile_files_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(BadModel, match=r"bad\.safetensors"):
        inspect(tmp_path / "bad.safetensors")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    for file in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(BadModel):
            inspect(file)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300))
def test_no_bytes_bring_another_error(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    file = tmp_path_factory.getbasetemp() / "fuzz.safetensors"
    for body in (content, raw(content)):
        file.write_bytes(body)
        with pytest.raises(BadModel):
            inspect(file)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path):
    file = one_module(tmp_path / "a", [[np.nan]], [[1]], 1)
    with pytest.raises(BadModel, match="finite"):
        merge([(file, 1.0)], tmp_path / "m", "exact")
