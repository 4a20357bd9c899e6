"""Delivery over MQTT 5: publish, wait for the hub's signed ack, send again what has none."""

from gridtokenx_edge.uplink.timing import UplinkTiming
from gridtokenx_edge.uplink.uplink import Uplink

__all__ = ["Uplink", "UplinkTiming"]
