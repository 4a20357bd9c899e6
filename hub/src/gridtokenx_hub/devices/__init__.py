"""The hub's side of the topics on which devices tell how they are, and are told what to do."""

from gridtokenx_hub.devices.commands import UnknownMeter, command
from gridtokenx_hub.devices.link import DeviceLink

__all__ = ["DeviceLink", "UnknownMeter", "command"]
