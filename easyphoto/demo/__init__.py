"""The main job from end to end, with a report; and the pictures it is made from."""
