"""A claimed device is registered: with the owner's wallet that the hub holds, or by the owner."""

import hashlib

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.provisioning.acting import evidence_for
from gridtokenx_hub.provisioning.baseline import check_baseline, check_recent
from gridtokenx_hub.provisioning.certificates import issue_certificate
from gridtokenx_hub.provisioning.models import Registered
from gridtokenx_hub.provisioning.offers import carry_out_with_owners
from gridtokenx_hub.provisioning.store import Code

CERTIFICATE = "certificate"


async def register(
    context: ApiContext, code: Code, message: bytes, csr_pem: str | None
) -> Registered:
    """Register the meter of a claimed install code by its baseline, and issue its certificate.

    Repeated, it answers the same and sends nothing more.

    Raises:
        WalletMustSign: the hub does not hold the owner's wallet.
        ProtocolError: the device did not sign the baseline.
        CertificateRequestError: the request must not be signed; nothing was registered.
        Problem: 422, it is no baseline.
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """
    evidence = evidence_for(code, message)
    check_baseline(evidence.record)
    await _certify(context, code, csr_pem, evidence.record.meter_id)

    async def check() -> None:
        check_recent(context, evidence.record)

    return registered(context, code, await carry_out_with_owners(context, code, evidence, check))


async def _certify(context: ApiContext, code: Code, csr_pem: str | None, meter_id: bytes) -> None:
    """Have the certificate issued once for each request."""
    if csr_pem is None:
        return
    digest = hashlib.sha256(csr_pem.encode("utf-8", "surrogatepass")).hexdigest()
    if code.journal.get(CERTIFICATE, {}).get("request") != digest:
        pem = await issue_certificate(context, csr_pem, meter_id)
        await code.record(CERTIFICATE, {"request": digest, "pem": pem})


def registered(context: ApiContext, code: Code, tx_signature: str) -> Registered:
    """Return the answer of a registration that is done, with the certificate issued for it."""
    pem = code.journal.get(CERTIFICATE, {}).get("pem")
    ca_pem = context.authority.certificate_pem if pem and context.authority else None
    return Registered(tx_signature=tx_signature, certificate_pem=pem, ca_pem=ca_pem)
