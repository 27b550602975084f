"""The journey from photos to a LoRA."""
