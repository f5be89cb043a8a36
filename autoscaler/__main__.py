"""`python -m autoscaler`."""

import sys

from autoscaler.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
