"""A WebUI that somebody has started, as tests see it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest

ADDRESS = "EASYPHOTO_WEBUI"  # of a running A1111 or Forge with --api, e.g. http://127.0.0.1:7860
PYTHON = "EASYPHOTO_WEBUI_PYTHON"  # the Python it runs with; optional, to compare its packages


@dataclass(frozen=True)
class RealHost:
    """The address, and questions to it."""

    address: str

    def get(self, path: str) -> Any:
        """The JSON at `path`."""
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return json.load(answer)

    def status(self, path: str, **headers: str) -> int:
        """The HTTP status of a GET."""
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def loras(self) -> set[str]:
        """Names the host would answer to in a prompt."""
        urllib.request.urlopen(
            urllib.request.Request(self.address + "/sdapi/v1/refresh-loras", method="POST"), timeout=60
        ).close()
        return {one["name"] for one in self.get("/sdapi/v1/loras")}

    def state(self) -> dict[str, Any]:
        """Everything of the host that a guest must leave as it was."""
        python = os.environ.get(PYTHON)
        freeze = [python, "-m", "pip", "freeze", "--disable-pip-version-check"] if python else []
        packages = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout if freeze else ""
        arguments = {one["name"]: [a.get("label") for a in one["args"]] for one in self.get("/sdapi/v1/script-info")}
        return {
            "options": self.get("/sdapi/v1/options"),
            "script arguments": arguments,
            "loras": self.loras(),
            "packages": packages,
        }


def real_host() -> RealHost:
    """The one the environment names; skips the test without."""
    address = os.environ.get(ADDRESS, "").rstrip("/")
    if not address:
        pytest.skip(f"{ADDRESS} names no running WebUI")
    return RealHost(address)
