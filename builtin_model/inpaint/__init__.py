"""The conditional inpainting model on upright, aligned faces, and the commands that train it."""
