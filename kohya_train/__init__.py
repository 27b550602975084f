"""The LoRA trainer: a process of its own; it knows no faces and imports nothing of easyphoto."""
