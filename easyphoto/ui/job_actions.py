"""What the buttons of a job do, the same on every panel."""

from __future__ import annotations

from typing import Any

from easyphoto.sqlite_damage import dismiss
from easyphoto.ui.context import UiContext, download_payload


def apply_action(context: UiContext, said: dict[str, Any]) -> str:
    """Do what a job's button says; a delivery when it was the log. Raises EasyPhotoError."""
    do, job = said.get("do"), str(said.get("job", ""))
    if do == "cancel":
        context.jobs.cancel(job)
    elif do == "resume":
        context.jobs.resume(job)
    elif do == "delete":
        context.jobs.delete(job)
    elif do == "dismiss":
        dismiss(context.studio.paths.jobs)
    elif do == "log":
        return download_payload(f"easyphoto-{job}.log", context.jobs.log(job).encode(), "text/plain;charset=utf-8")
    return ""
