"""`python -m nightjar.cli`."""

import sys

from nightjar.cli.main import main

sys.exit(main())
