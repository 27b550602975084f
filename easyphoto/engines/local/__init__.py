"""The engine of diffusers pipelines in this process."""
