"""A shipped picture as a fusion source."""

import numpy as np
from PIL import Image

from easyphoto.paths import shipped_models


def opened(name):
    return np.asarray(Image.open(shipped_models() / name).convert("RGB"))
