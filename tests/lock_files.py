"""The lock files of a clone, with everything that is installed from them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/base.lock.txt", "requirements/ui.lock.txt", "requirements/dev.lock.txt")
