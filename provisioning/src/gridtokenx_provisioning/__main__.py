"""``python -m gridtokenx_provisioning``."""

import sys

from gridtokenx_provisioning.cli import main

sys.exit(main())
