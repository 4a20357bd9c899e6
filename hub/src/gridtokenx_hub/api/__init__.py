"""The hub's HTTP API."""

from gridtokenx_hub.api.app import create_app
from gridtokenx_hub.api.context import ApiContext, DeploymentInfo
from gridtokenx_hub.api.events.feed import EventFeed

__all__ = ["ApiContext", "DeploymentInfo", "EventFeed", "create_app"]
