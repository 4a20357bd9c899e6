"""The hub's HTTP API."""

from gridtokenx_hub.api.app import create_app
from gridtokenx_hub.api.context import ApiContext, DeploymentInfo

__all__ = ["ApiContext", "DeploymentInfo", "create_app"]
