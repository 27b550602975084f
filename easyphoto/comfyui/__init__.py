"""Nodes for ComfyUI. Only ComfyUI imports `extension` and `nodes`, since they are made of its classes."""
