"""The daemon that tries a history file it could not use again after a second, not after thirty.

Run as `python impatient.py run --env-file FILE`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from autoscaler.cli.main import main
from autoscaler.daemon import history

RETRY_SECONDS = 1.0
PROGRAM = str(Path(__file__))

if __name__ == "__main__":
    history.RETRY_SECONDS = RETRY_SECONDS
    sys.exit(main(sys.argv[1:]))
