"""``python -m easyphoto``, and the command ``easyphoto`` of an installation."""

import sys

CANCELLED = 130


def run() -> int:
    """The command line's exit code; Ctrl-C while it is being loaded ends it as quietly as later."""
    try:
        from easyphoto.cli.app import main

        return main()
    except KeyboardInterrupt:
        return CANCELLED


if __name__ == "__main__":
    sys.exit(run())
