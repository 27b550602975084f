"""A checkpoint in half precision is loaded as it is: no copy of it in full precision ever lies in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOAD = """
import sys
from pathlib import Path
import torch
from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.engines.local.loading import open_base
from easyphoto.engines.local.pipelines import DevicePlacement

def peak():  # of this program; what getrusage tells begins with its parent's
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

placing = DevicePlacement("cpu", getattr(torch, sys.argv[1]))
configs = Path(sys.argv[2])
small, large = (Checkpoint("x", ModelFamily.SD15, Path(one)) for one in sys.argv[3:])
pipe = open_base(small, configs / "toy", placing)  # what is imported for it is in memory now
del pipe
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = peak()
pipe = open_base(large, configs / "mid", placing)
assert all(weight.dtype is placing.dtype for weight in pipe.unet.parameters())
loaded = peak()
for weight in pipe.unet.parameters():
    weight.sum()  # brings mapped pages in
print(loaded - before, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_the_peak_is_the_file_and_the_model(toys: Path, tmp_path: Path, precision: str):
    import json
    import shutil

    import torch
    from original_format import to_original
    from toy_models import toy_sd15, toy_unet

    pipe = toy_sd15()
    pipe.register_modules(unet=toy_unet(16, block_out_channels=(128, 256, 512, 512)))
    pipe.to(dtype=getattr(torch, precision))
    large, configs = tmp_path / "large.safetensors", tmp_path / "configs"
    to_original(pipe, large)
    for name in ("toy", "mid"):
        shutil.copytree(toys / "models" / "configs", configs / name)
    file = configs / "mid" / "sd15" / "unet" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "block_out_channels": [128, 256, 512, 512]}))
    small = toys / "weights" / "single.safetensors"
    command = [sys.executable, "-c", LOAD, precision, str(configs), str(small), str(large)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    loaded, used = (int(one) / large.stat().st_size for one in told.stdout.split()[-2:])
    assert loaded < 1.5 and 0.8 < used < 1.5, (loaded, used)  # pages of the file at most; fp32 would be two more
