"""A new client certificate, by the device's own signature, before the old one expires."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.keystore.tls import certificate_request
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.cose import sign
from gridtokenx_provisioning.errors import FolderError
from gridtokenx_provisioning.files import write_file
from gridtokenx_provisioning.hub import Hub
from gridtokenx_provisioning.site import Site, installed_meter

EARLY: Final = timedelta(days=30)
"""So long before its end a certificate is renewed."""


def renew(hub: Hub, site: Site, clock: Clock, *, now: bool) -> dict[str, Any]:
    """Renew the certificate when its end is near.

    The agent takes the new one with its next connection; the old one stays good until its end.

    Args:
        hub: Where to ask.
        site: Whose settings.
        clock: Tells how near the end is.
        now: Whether to renew it whenever it ends, also when it is lost.

    Returns:
        Whether it was renewed, and when the one in force ends.

    Raises:
        ProvisioningError: There is no certificate, or the hub refused or does not answer.
        EdgeError: Settings or keys cannot be used.
    """
    _, meter = installed_meter(site)
    if meter.broker.tls is None:
        raise FolderError(f"{site.config} has no [meter.broker.tls]: there is nothing to renew")
    files = meter.broker.tls
    if not now:
        expires_at = _expiry(files.certificate)
        if expires_at - _utc(clock) > EARLY:
            return {"renewed": False, "expires_at": expires_at.isoformat()}
    request = {
        1: meter.deployment,
        2: meter.id,
        3: clock.now_ms(),
        4: certificate_request(files.key, meter.id).decode(),
    }
    message = sign(encode_map(request), load_signer(meter.key))
    answer = hub.post("/certificates", {"request": b64encode(message).decode()})
    write_file(files.ca, answer["ca_pem"])
    write_file(files.certificate, answer["certificate_pem"])
    return {"renewed": True, "expires_at": _expiry(files.certificate).isoformat()}


def _utc(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


def _expiry(certificate: Path) -> datetime:
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise FolderError(f"{certificate}: {error}; run: gtx-provision renew --now") from error
