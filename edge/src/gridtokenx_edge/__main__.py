"""``python -m gridtokenx_edge`` is ``gtx-edge``."""

import sys

from gridtokenx_edge.cli import main

sys.exit(main())
