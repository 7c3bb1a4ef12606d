"""`python -m dlplug`, for torchrun."""

import sys

from dlplug.cli.main import main

sys.exit(main())
