"""ComfyUI's models off the device."""

from __future__ import annotations


def given_back() -> None:
    """ComfyUI holds no device memory afterwards; it loads its models again when it needs them."""
    import comfy.model_management as management

    management.unload_all_models()
    management.soft_empty_cache()
