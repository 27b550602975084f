"""The LoRA trainer: a process of its own; it knows no faces and imports nothing of easyphoto."""

import os

# Before any library is loaded: they read these once. What the user has set stays. The trainer imports nothing of
# easyphoto, so it says so itself.
for _name, _value in (
    ("ORT_DISABLE_TELEMETRY", "1"),
    ("HF_HUB_DISABLE_TELEMETRY", "1"),
    ("DO_NOT_TRACK", "1"),
    ("GRADIO_ANALYTICS_ENABLED", "False"),
):
    os.environ.setdefault(_name, _value)
