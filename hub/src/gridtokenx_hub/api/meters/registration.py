"""How a meter is registered by whoever holds a token: by the first reading of its device."""

from solders.pubkey import Pubkey

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.households.enrolment import wallet_of
from gridtokenx_hub.api.http.fields import ALGORITHMS
from gridtokenx_hub.api.http.models import RegisteredMeter, RegisterMeter
from gridtokenx_hub.api.http.problems import Problem, unavailable
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_hub.provisioning.acting import plan_of
from gridtokenx_hub.provisioning.baseline import check_baseline, check_recent
from gridtokenx_hub.provisioning.certificates import issue_certificate
from gridtokenx_hub.provisioning.direct import direct_mandate
from gridtokenx_hub.registrar import DeviceKey, Evidence, Limits, open_evidence
from gridtokenx_hub.registrar.mandate import MILLIWATTS_PER_WATT

DEVICE_KEY_SIZE = 33


async def register_meter(
    context: ApiContext, attempt: Attempt, caller: Principal, body: RegisterMeter
) -> RegisteredMeter:
    """Register a meter on chain and open its ledger, in one transaction.

    A meter that is registered already with this key and owner gets the same answer again.

    Raises:
        WalletMustSign: the hub does not hold the owner's wallet.
        ProtocolError: the message is not what the key signed.
        Problem: not a baseline; no such user; the id belongs to another key or owner.
        CertificateRequestError: the certificate request must not be signed.
        TransactionRefused: the program's own refusal, such as the registrar's daily cap.
        RegistrarUnavailable: the registrar does not answer.
    """
    key = DeviceKey(ALGORITHMS[body.algorithm], body.public_key)
    evidence = open_evidence(body.baseline, key)
    check_baseline(evidence.record)
    meter_id = evidence.record.meter_id
    owner = await wallet_of(context, body.user_id)
    certificate = (
        None if body.csr_pem is None else await issue_certificate(context, body.csr_pem, meter_id)
    )
    tx_signature = None
    if "register_meter" not in attempt.journal:
        tx_signature = await _registered_by(context, evidence, owner)
    if tx_signature is None:

        async def plan() -> Plan:
            check_recent(context, evidence.record)
            limits = Limits(
                body.export_limit_w * MILLIWATTS_PER_WATT,
                body.import_limit_w * MILLIWATTS_PER_WATT,
                body.daily_export_limit_mwh,
            )
            mandate = await direct_mandate(
                context, caller, "install", body.user_id, meter_id, key, limits
            )
            return plan_of(context, mandate, evidence, (owner,))

        tx_signature = (await deliver(context, attempt, "register_meter", plan)).tx_signature
    return RegisteredMeter(
        meter_id=meter_id.hex(),
        tx_signature=tx_signature,
        certificate_pem=certificate,
        ca_pem=context.authority.certificate_pem if certificate and context.authority else None,
    )


async def _registered_by(context: ApiContext, evidence: Evidence, owner: Pubkey) -> str | None:
    """Return the transaction that registered this very meter; None when it is not registered."""
    meter_id = evidence.record.meter_id
    account = await context.client.account(context.addresses.meter(meter_id))
    if account is None or account.owner != context.addresses.registry:
        return None
    meter = context.programs["registry"].decode_account("Meter", account.data)
    key = {
        "algorithm": int(evidence.key.algorithm),
        "public_key": evidence.key.public_key.ljust(DEVICE_KEY_SIZE, b"\0"),
    }
    if meter["owner"] != owner or meter["key"] != key:
        raise Problem(
            409,
            "MeterAlreadyRegistered",
            f"meter {meter_id.hex()} is registered with another key or owner: draw a new id",
        )
    tx_signature: str | None = await context.pool.fetchval(
        "SELECT tx_signature FROM events WHERE program = 'registry'"
        " AND name = 'MeterRegistered' AND data ->> 'meter_id' = $1",
        meter_id.hex(),
    )
    if tx_signature is None:
        raise unavailable("IndexerBehind", "the hub is still reading the chain: try again")
    return tx_signature
