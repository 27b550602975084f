"""What a start of the WebUI imports of ours, and that the rest is found later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from extension_world import ROOT, SCRIPT, FakeHost, open_host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    return open_host(tmp_path, monkeypatch)


def test_what_comes_late_is_found_though_our_folder_is_off_the_path(host: FakeHost):
    """In a process of its own, since here the checkout is on sys.path anyway."""
    code = (
        "import sys, importlib, importlib.util as u; from types import ModuleType as M\n"
        "m, c = M('modules'), M('modules.script_callbacks'); m.script_callbacks = c\n"
        "c.on_ui_tabs = c.on_app_started = c.on_before_ui = lambda callback: None; s = M('modules.shared')\n"
        "m.shared = s; e = m.scripts_postprocessing = M('modules.scripts_postprocessing')\n"
        "e.ScriptPostprocessing = object\n"
        "t = m.scripts = M('modules.scripts'); t.Script = object; t.AlwaysVisible = 1\n"
        "sys.modules.update({'modules': m, 'modules.script_callbacks': c, 'modules.shared': s})\n"
        "sys.modules['modules.initialize_util'] = M('modules.initialize_util')\n"
        f"before = sys.path; sys.path = [{str(ROOT)!r}, *before]\n"
        f"spec = u.spec_from_file_location('easyphoto_tab.py', {str(SCRIPT)!r})\n"
        "spec.loader.exec_module(u.module_from_spec(spec)); sys.path = before\n"
        "for name in ('easyphoto.training.launch', 'kohya_train.contract', 'builtin_model.vocabulary'):\n"
        "    importlib.import_module(name)\n"
        "assert not ('scripts' in sys.modules or 'models' in sys.modules)\n"
        "print('found')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=host.data, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "found", done.stderr


AT_START = {
    *(
        "easyphoto",
        "easyphoto.errors",
        "easyphoto.locales",
        "easyphoto.paths",
        "easyphoto.printable",
        "easyphoto.strength",
        "easyphoto.providers",
    ),
    *("easyphoto.faces", "easyphoto.faces.roles", "easyphoto.ui", "easyphoto.ui.compat"),
    *("easyphoto.engines", "easyphoto.engines.webui", "easyphoto.engines.webui.lora_folder"),
    *(f"easyphoto.webui{name}" for name in ("", ".extension", ".settings", ".late_panels", ".host_application")),
    *(f"easyphoto.webui.{name}" for name in ("export_tickets", "file_guard", "running_host", "face_script")),
    *(f"easyphoto.webui.face_script.{name}" for name in ("script", "extras", "fields", "choices")),
}


def test_a_start_imports_no_more_than_it_needs(tmp_path: Path):
    """Only small files of ours, and none of what the host may not have loaded itself."""
    code = (
        "import sys, pathlib; sys.path[:0] = ['tests', 'tests/webui', '.']\n"
        "import pytest, gradio, extension_world\n"
        f"host = extension_world.open_host(pathlib.Path({str(tmp_path)!r}), pytest.MonkeyPatch())\n"
        "ours = lambda: {n for n in sys.modules if n.split('.')[0] in ('easyphoto', 'kohya_train', 'builtin_model')}\n"
        "[sys.modules.pop(name) for name in ours()]; before = set(sys.modules)\n"
        "host.load()\n"
        "with gradio.Blocks() as demo:\n"
        "    [host.scripts[0]().ui(place) for place in (False, True)]\n"
        "    [tab[0].render() for tab in host.build()]\n"
        "host.start(extension_world.FastAPI(), demo)\n"
        "heavy = {'torch', 'onnxruntime', 'cv2', 'scipy'} & (set(sys.modules) - before)\n"
        "print(*ours() - {'kohya_train', 'builtin_model'}, *heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert set(done.stdout.split()) - AT_START == set(), done.stderr
    assert "easyphoto.webui.late_panels" in done.stdout


def test_the_host_is_called_from_a_short_stack(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    """A host looks for every file of the stack among all modules, .18 s a call from the depth of its own loading."""
    import inspect

    depths = []
    for name in ("on_ui_tabs", "on_app_started", "on_before_ui"):
        monkeypatch.setattr(
            sys.modules["modules.script_callbacks"], name, lambda callback: depths.append(len(inspect.stack(0)))
        )
    host.load()
    assert len(depths) == 3
    assert max(depths) <= 5
