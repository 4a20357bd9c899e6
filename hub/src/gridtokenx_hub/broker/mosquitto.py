"""Configuration of mosquitto: TLS with client certificates, and topics bound to identities."""

import os
from collections.abc import Iterable
from pathlib import Path

from gridtokenx_hub.broker.authority import HUB_IDENTITY
from gridtokenx_hub.broker.files import replace_file
from gridtokenx_hub.broker.settings import TlsFiles

# A device may write its own readings and status, and read its own acknowledgements and commands,
# and nothing else: %u is the common name of its certificate, the meter id.
RULES = f"""\
user {HUB_IDENTITY}
topic read gtx/v1/+/readings
topic write gtx/v1/+/ack
topic read gtx/v1/+/status
topic write gtx/v1/+/command

pattern write gtx/v1/%u/readings
pattern read gtx/v1/%u/ack
pattern write gtx/v1/%u/status
pattern read gtx/v1/%u/command
"""

# The largest reading is 32 records with extras and a signature; the rest is an attack.
LARGEST_MESSAGE_BYTES = 65_536
QUEUED_MESSAGES = 100_000
INFLIGHT_MESSAGES = 2_000


def access_list_path(folder: Path) -> Path:
    """Return where the access list is, in the broker's folder."""
    return folder / "mosquitto.acl"


def write_access_list(folder: Path, excluded: Iterable[bytes]) -> None:
    """Write who may speak on which topics; nobody of `excluded` (meter ids) on any.

    A denial counts before every other rule. A list that says the same already is left alone: the
    broker is started anew for every change.
    """
    denials = "".join(f"user {meter_id.hex()}\ntopic deny #\n\n" for meter_id in excluded)
    content = (denials + RULES).encode()
    path = access_list_path(folder)
    if not path.exists() or path.read_bytes() != content:
        replace_file(path, content)


def write_configuration(
    folder: Path, host: str, port: int, files: TlsFiles, revocation_list: Path
) -> Path:
    """Write `mosquitto.conf` into `folder`, and an access list if there is none.

    Returns:
        The path of `mosquitto.conf`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    access_list = access_list_path(folder)
    if not access_list.exists():
        write_access_list(folder, ())
    # mosquitto run as root becomes the user "mosquitto", who cannot read files in our 0700 folder.
    user = "user root\n" if os.geteuid() == 0 else ""
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"""\
{user}listener {port} {host}
cafile {files.ca}
certfile {files.certificate}
keyfile {files.key}
crlfile {revocation_list}
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
