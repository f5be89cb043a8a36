"""The program with leases of 3 s, so that a test need not wait 30 s for the end of one.

Run as `python short_lease.py run --env-file FILE`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from autoscaler.cli.main import main
from autoscaler.daemon import overriding

LEASE_SECONDS = 3.0
PROGRAM = str(Path(__file__))

if __name__ == "__main__":
    overriding.LEASE_SECONDS = LEASE_SECONDS
    sys.exit(main(sys.argv[1:]))
