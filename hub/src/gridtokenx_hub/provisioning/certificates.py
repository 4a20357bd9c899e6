"""Client certificates of devices: issued with a registration, renewed by the device's own word."""

from cryptography import x509

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem, unavailable
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.provisioning.models import RenewedCertificate
from gridtokenx_hub.provisioning.requests import check_request, open_request
from gridtokenx_protocol.cose import verify
from gridtokenx_protocol.keys import Algorithm

SERIAL_SIZE = 20
"""Most bytes of a certificate's serial number (RFC 5280, 4.1.2.2)."""


async def issue_certificate(context: ApiContext, csr_pem: str, meter_id: bytes) -> str | None:
    """Sign a device's request and remember the certificate, so that it can be revoked.

    Returns:
        The certificate (PEM); None when the broker has no TLS.

    Raises:
        CertificateRequestError: the request must not be signed.
    """
    if context.authority is None:
        return None
    pem, _ = context.authority.issue_device_certificate(csr_pem, meter_id)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    await context.pool.execute(
        "INSERT INTO certificates (serial_number, meter_id, issued_at, expires_at)"
        " VALUES ($1, $2, $3, $4)",
        certificate.serial_number.to_bytes(SERIAL_SIZE, "big"),
        meter_id,
        context.clock(),
        certificate.not_valid_after_utc,
    )
    return pem


async def renew_certificate(context: ApiContext, message: bytes) -> RenewedCertificate:
    """Issue a new certificate to a meter that asks with its own signature.

    The old one stays good until it expires: a device that is cut off before it has stored the new
    one comes back with it.

    Raises:
        ProtocolError: the meter's key did not sign this.
        CertificateRequestError: the request must not be signed.
        Problem: 404, unknown meter; 409, not active, or made at another time; 422, for another
            deployment; 503, the broker has no TLS.
    """
    request = open_request(message, str)
    meter = await context.pool.fetchrow(
        "SELECT algorithm, public_key, status FROM meters WHERE meter_id = $1", request.meter_id
    )
    if meter is None:
        raise Problem(404, "UnknownMeter", "no such meter is registered")
    verify(request.signed, Algorithm(meter["algorithm"]), meter["public_key"])
    if meter["status"] != "active":
        name = "MeterRevoked" if meter["status"] == "revoked" else "MeterNotActive"
        raise Problem(409, name, f"the meter is {meter['status']}: it gets no certificate")
    check_request(context, request)
    pem = await issue_certificate(context, request.content, request.meter_id)
    if pem is None or context.authority is None:
        raise unavailable("NoCertificates", "this hub's broker has no TLS")
    expires_at = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    return RenewedCertificate(
        certificate_pem=pem, ca_pem=context.authority.certificate_pem, expires_at=iso(expires_at)
    )
