"""Makes the three programs ready for use, or says in what the chain differs from the settings."""

from gridtokenx_hub.bootstrap.bootstrap import bootstrap
from gridtokenx_hub.bootstrap.errors import BootstrapError

__all__ = ["BootstrapError", "bootstrap"]
