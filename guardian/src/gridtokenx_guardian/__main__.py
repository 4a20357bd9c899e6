"""``python -m gridtokenx_guardian`` is ``gtx-guardian``."""

import sys

from gridtokenx_guardian.cli import main

sys.exit(main())
