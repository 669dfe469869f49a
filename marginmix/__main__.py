"""`python -m marginmix` is `marginmix`, for where the command is not installed."""

import sys

from marginmix.cli import main

sys.exit(main())
