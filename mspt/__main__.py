"""Run the command line: ``python -m mspt`` is the same as the command ``mspt``."""

import sys

from mspt.cli.main import main

sys.exit(main())
