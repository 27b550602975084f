"""EasyPhoto: a few selfies in, studio portraits of that very person out."""

import os

__version__ = "0.1.0"

# Before any library is loaded: they read these once. What the user has set stays.
for _name, _value in (
    ("ORT_DISABLE_TELEMETRY", "1"),
    ("HF_HUB_DISABLE_TELEMETRY", "1"),
    ("DO_NOT_TRACK", "1"),
    ("GRADIO_ANALYTICS_ENABLED", "False"),
):
    os.environ.setdefault(_name, _value)
