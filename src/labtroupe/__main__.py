"""What ``python -m labtroupe`` runs: the command line."""

from __future__ import annotations

import sys

from labtroupe.cli import main

sys.exit(main())
