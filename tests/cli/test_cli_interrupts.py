"""Ctrl-C at any moment: no traceback, exit code 130, and what is finished is listed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_world import run
from fake_studio import FakeStudio

from easyphoto.errors import RenderFailed
from easyphoto.progress import Cancelled

# runpy finds our package before we are told, so that the first thing after the word is ours
STARTED = (
    # a test run in the background may have inherited that Ctrl-C is ignored
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "import importlib.util, runpy; importlib.util.find_spec('easyphoto.__main__');"
    "print('started', flush=True); runpy.run_module('easyphoto', run_name='__main__')"
)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("milliseconds", [20, 60, 100, 150, 200, 300, 450])
def test_ctrl_c_while_the_program_is_being_loaded(milliseconds: int, tmp_path: Path):
    command = [sys.executable, "-c", STARTED, "ui", "--no-browser", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        said = "".join(process.communicate(timeout=60))
    assert process.returncode in (130, 0), said  # 0: the server ran already and was stopped
    assert "Traceback" not in said


@pytest.mark.parametrize("trouble", [Cancelled(), RenderFailed("engine.out-of-memory")])
def test_what_is_finished_is_listed(trouble: Exception, studio: FakeStudio, photos: Path, capsys, monkeypatch):
    made = FakeStudio.portrait

    def stopped(self, request, templates, report, out=None, on_result=None):
        for portrait in made(self, request, templates, report, out).portraits[:2]:
            on_result(portrait)
        raise trouble

    monkeypatch.setattr(FakeStudio, "portrait", stopped)
    code = run(studio, "portrait", "--person", "mei", "--template", photos, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert code in (130, 5) and facts["exit_code"] == code
    assert len(facts["portraits"]) == 2
    assert run(studio, "portrait", "--person", "mei", "--template", photos) == code
    assert "4.png" in capsys.readouterr().err  # the second of the second run
