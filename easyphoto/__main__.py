"""``python -m easyphoto``."""

import sys

from easyphoto.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
