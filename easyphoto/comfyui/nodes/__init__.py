"""One file a node, made of ComfyUI's classes."""
