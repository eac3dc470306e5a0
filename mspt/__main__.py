"""``python -m mspt``: see :mod:`mspt.cli.main`."""

import sys

from mspt.cli.main import main

sys.exit(main())
