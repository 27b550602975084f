"""A WebUI's page with our tab, on the gradio this Python has: gradio_host.py FOLDER [--unguarded] [--login].

Launched as A1111 and Forge launch theirs: in the background, with the whole data path among the allowed paths, and
the callbacks of a started application after that. It ends with its input.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]


def started(folder: str, *options: str) -> str:
    """Version, address, and whether a file of ours was served before the application had our routes."""
    import gradio as gr
    import pytest
    from extension_world import open_host
    from fake_studio import make_person

    from easyphoto.engines.webui import controlnet_units
    from easyphoto.engines.webui import host as host_module
    from easyphoto.engines.webui.host_kinds import A1111
    from easyphoto.errors import MissingModel
    from easyphoto.ui import compat
    from easyphoto.webui import runtime
    from easyphoto.webui.running_host import RunningHost

    data, patch = Path(folder), pytest.MonkeyPatch()
    host = open_host(data, patch)
    patch.setattr(host_module, "current_host", lambda: SimpleNamespace(kind=A1111))
    patch.setattr(controlnet_units, "why_absent", lambda host: MissingModel("plain", text="It is gone.", remedy=""))
    person = make_person(runtime.app_state().studio.paths, "Ann")
    host.load()
    with gr.Blocks(title="WebUI", analytics_enabled=False) as demo, gr.Tabs():
        with gr.TabItem("txt2img"):
            fields = host.scripts[0]().ui(is_img2img=False)  # type: ignore[attr-defined]
            assert [field.value for field in fields] == [False, "Natural", "Left to right", 0, "", False, *[""] * 4]
            assert "Ann" not in str(fields[-1].choices), "the library is read when the page is asked for"
        for blocks, title, name in host.build():
            with gr.TabItem(title, id=name):
                blocks.render()
    launching: dict[str, Any] = {"ssr_mode": False, "quiet": True}
    demo.queue()
    app, address, _ = demo.launch(
        server_name="127.0.0.1",
        prevent_thread_lock=True,
        allowed_paths=[str(data)],
        auth=("ann", "a") if "--login" in options else None,
        **compat.accepted(gr.Blocks.launch, launching),
    )
    early = RunningHost(app).serves(person.reference)
    host.start(app, demo)
    if "--unguarded" in options:
        app.router.routes[:] = [route for route in app.router.routes if type(route).__name__ != "FileGuard"]
        demo.blocked_paths = []
    return f"{gr.__version__} {address} {early}\n"


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        line = started(*sys.argv[1:])
    sys.stdout.write(line)
    sys.stdout.flush()
    sys.stdin.read()
