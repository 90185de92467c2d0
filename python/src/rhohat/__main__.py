"""``python -m rhohat``: the command ``rhohat``."""

import sys

from ._program import main

sys.exit(main())
