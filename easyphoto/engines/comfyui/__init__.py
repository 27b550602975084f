"""The engine on the models that are wired to a node of ComfyUI's."""
