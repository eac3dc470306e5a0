"""``python -m mspt``: see :mod:`mspt.cli`."""

import sys

from mspt.cli import main

sys.exit(main())
