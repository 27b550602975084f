"""The main job from end to end, with a report."""
