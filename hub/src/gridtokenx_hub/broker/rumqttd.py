"""Configuration of rumqttd, the broker that comes as a wheel where mosquitto is not installed.

It knows no client certificates and forgets everything when it restarts. Readings are safe all the
same, because a device keeps them until the hub's own signed acknowledgement; but any local process
could speak on any topic, so it is for loopback only.
"""

from pathlib import Path

from gridtokenx_hub.broker.mosquitto import LARGEST_MESSAGE_BYTES


def write_configuration(folder: Path, host: str, port: int) -> Path:
    """Write `rumqttd.toml` into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = folder / "rumqttd.toml"
    configuration.write_text(
        f"""\
id = 0

[router]
id = 0
max_connections = 10000
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {LARGEST_MESSAGE_BYTES}
max_inflight_count = 2000
dynamic_filters = true
"""
    )
    return configuration
