"""Run the command line: ``python -m mspt`` is the same as the command ``mspt``."""

import sys

from mspt.cli._interrupt import ending_at_once


def run() -> int:
    """Run the command of this process and return its exit status."""
    with ending_at_once():
        from mspt.cli.main import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
