"""Weight files: nothing in them is run, and what does not fit is refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.modelscope.files import COMMERCIAL, NEEDED
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.weights import filled, read_tensors
from easyphoto.paths import Paths
from easyphoto.weights.reading import read_catalog


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return small().state_dict()


def test_a_part_a_prefix_and_half_precision(tmp_path: Path, state: dict[str, torch.Tensor]):
    wrapped = {f"module.{name}": value.half() if value.is_floating_point() else value for name, value in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "a.pth")
    read = read_tensors(tmp_path / "a.pth", "state_dict")
    assert set(read) == set(state)
    assert all(value.dtype in (torch.float32, torch.int64) for value in read.values())
    assert torch.allclose(read["0.weight"], state["0.weight"], atol=1e-3)


def test_older_formats_and_safetensors(tmp_path: Path, state: dict[str, torch.Tensor]):
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "new.safetensors")
    for name in ("old.pth", "new.safetensors"):
        network = filled(small, read_tensors(tmp_path / name), tmp_path / name)
        assert torch.equal(network.state_dict()["0.weight"], state["0.weight"])
        assert not network.training and not any(one.requires_grad for one in network.parameters())


def test_counters_that_older_files_lack_are_not_missed(tmp_path: Path, state: dict[str, torch.Tensor]):
    del state["1.num_batches_tracked"]
    assert filled(small, state, tmp_path)(torch.ones(1, 1, 2, 2)).isfinite().all()


@pytest.mark.parametrize("change", ["missing", "left over", "shape"])
def test_another_network_is_refused_with_the_tensor(tmp_path: Path, state: dict[str, torch.Tensor], change: str):
    name = {"missing": "0.bias", "left over": "9.bias", "shape": "0.weight"}[change]
    if change == "missing":
        del state[name]
    else:
        state[name] = torch.zeros(7)
    with pytest.raises(BadModel) as caught:
        filled(small, state, tmp_path / "a.pth")
    assert caught.value.params == {"count": 1, "first": name}


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path(self.place),))  # type: ignore[attr-defined]


def test_code_in_a_file_is_not_run(tmp_path: Path):
    trap = Trap()
    trap.place = str(tmp_path / "ran")  # type: ignore[attr-defined]
    torch.save({"state_dict": trap}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(trap))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(BadModel):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 cut"])
def test_what_is_no_weights_is_damaged(tmp_path: Path, content: bytes):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(BadModel):
        read_tensors(tmp_path / "a.pt")
    with pytest.raises(MissingModel):
        read_tensors(tmp_path / "none.pt")


def test_a_network_is_read_at_first_use_and_forgotten_when_released():
    reads = []
    lazy = LazyNetwork(lambda: reads.append(1) or small().eval(), torch.device("cpu"))  # type: ignore[func-returns-value]
    assert not reads and not lazy.loaded
    for _ in range(2):
        with lazy.working() as network:
            assert network(torch.ones(1, 1, 1, 1)).is_inference()
    assert len(reads) == 1 and lazy.loaded
    lazy.release()
    assert not lazy.loaded
    with lazy.working():
        assert len(reads) == 2


def test_every_file_is_in_the_list_of_weights_under_its_place(tmp_path: Path):
    paths = Paths(tmp_path)
    listed = {file.id: file for file in read_catalog(paths.models)}
    for role, files in (*NEEDED.items(), *COMMERCIAL.items()):
        for one in files:
            assert paths.weights / listed[one.id].place == one.path(paths)
            assert listed[one.id].commercial or one not in COMMERCIAL.get(role, ())
