"""Makes the three programs ready for use, or says in what the chain differs from the settings."""

from gridtokenx_hub.bootstrap.bootstrap import bootstrap
from gridtokenx_hub.bootstrap.errors import BootstrapError
from gridtokenx_hub.bootstrap.guardians import appoint_guardians, guardians_in_office
from gridtokenx_hub.bootstrap.treasury import mint_to_treasury

__all__ = [
    "BootstrapError",
    "appoint_guardians",
    "bootstrap",
    "guardians_in_office",
    "mint_to_treasury",
]
