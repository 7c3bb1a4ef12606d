"""`python -m dlplug`, for torchrun."""

import sys

from dlplug.cli import main

sys.exit(main())
