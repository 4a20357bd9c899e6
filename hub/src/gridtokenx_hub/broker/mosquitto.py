"""Configuration of mosquitto: TLS with client certificates, and topics bound to identities."""

import os
from pathlib import Path

from gridtokenx_hub.broker.authority import HUB_IDENTITY
from gridtokenx_hub.broker.settings import TlsFiles

# A device may write its own readings and read its own acknowledgements, and nothing else: %u is
# the common name of its certificate, the meter id.
ACCESS_LIST = f"""\
user {HUB_IDENTITY}
topic read gtx/v1/+/readings
topic write gtx/v1/+/ack

pattern write gtx/v1/%u/readings
pattern read gtx/v1/%u/ack
"""

# The largest reading is 32 records with extras and a signature; the rest is an attack.
LARGEST_MESSAGE_BYTES = 65_536
QUEUED_MESSAGES = 100_000
INFLIGHT_MESSAGES = 2_000


def write_configuration(folder: Path, host: str, port: int, files: TlsFiles) -> Path:
    """Write `mosquitto.conf` and its access list into `folder`; return the former's path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    access_list = folder / "mosquitto.acl"
    access_list.write_text(ACCESS_LIST)
    # mosquitto run as root becomes the user "mosquitto", who cannot read files in our 0700 folder.
    user = "user root\n" if os.geteuid() == 0 else ""
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"""\
{user}listener {port} {host}
cafile {files.ca}
certfile {files.certificate}
keyfile {files.key}
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {access_list}
message_size_limit {LARGEST_MESSAGE_BYTES}
max_queued_messages {QUEUED_MESSAGES}
max_inflight_messages {INFLIGHT_MESSAGES}
persistence true
persistence_location {folder}/
autosave_interval 60
log_dest stderr
log_type error
log_type warning
log_type notice
"""
    )
    return configuration
