"""How a meter is registered: by the first reading that its device signed."""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.sysvar import INSTRUCTIONS

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.delivery import Plan, deliver
from gridtokenx_hub.api.enrolment import wallet_of
from gridtokenx_hub.api.idempotency import Attempt
from gridtokenx_hub.api.models import RegisteredMeter, RegisterMeter
from gridtokenx_hub.api.problems import Problem, unavailable
from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import SignedMessage, decode, verify
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.payload import Payload
from gridtokenx_protocol.record import NO_PREVIOUS_HASH, ClockStatus, Record

REGISTER_METER_UNITS = 40_000
MILLIWATTS_PER_WATT = 1_000
MAX_FUTURE_MS = 60_000
MAX_AGE_MS = 86_400_000
DEVICE_KEY_SIZE = 33
ALGORITHMS = {"ed25519": Algorithm.ED25519, "p256": Algorithm.P256}


@dataclass(frozen=True, slots=True)
class Baseline:
    """A device's first reading, its signature checked against its key."""

    signed: SignedMessage
    record: Record
    public_key: bytes

    @property
    def device_key(self) -> dict[str, object]:
        """The key as the registry stores it."""
        return {
            "algorithm": int(self.signed.algorithm),
            "public_key": self.public_key.ljust(DEVICE_KEY_SIZE, b"\0"),
        }


async def register_meter(
    context: ApiContext, attempt: Attempt, body: RegisterMeter
) -> RegisteredMeter:
    """Register a meter on chain and open its ledger, in one transaction.

    A meter that is registered already with this key and owner gets the same answer again.

    Raises:
        ProtocolError: the message is not what the key signed.
        Problem: not a baseline; no such user; the id belongs to another key or owner.
        CertificateRequestError: the certificate request must not be signed.
        TransactionRefused: the program's own refusal, such as the registrar's daily cap.
    """
    baseline = open_baseline(body)
    owner = await wallet_of(context, body.user_id)
    certificate, authority = _certificate(context, body, baseline.record.meter_id)
    tx_signature = None
    if "register_meter" not in attempt.journal:
        tx_signature = await _registered_by(context, baseline, owner)
    if tx_signature is None:

        async def plan() -> Plan:
            _check_now(context, baseline.record)
            return _plan(context, baseline, body, await context.vault.keypair(owner))

        tx_signature = (await deliver(context, attempt, "register_meter", plan)).tx_signature
    return RegisteredMeter(
        meter_id=baseline.record.meter_id.hex(),
        tx_signature=tx_signature,
        certificate_pem=certificate,
        ca_pem=authority,
    )


def open_baseline(body: RegisterMeter) -> Baseline:
    """Check a baseline's signature and form.

    Raises:
        ProtocolError: the message is not what the key signed.
        Problem: 422, signed, but not a baseline.
    """
    signed = decode(body.baseline)
    verify(signed, ALGORITHMS[body.algorithm], body.public_key)
    payload = Payload.decode(signed.payload)
    record = payload.records[0]
    if len(payload.records) > 1 or payload.extras is not None:
        raise _not_baseline("it holds more than one plain record")
    if record.sequence != 1 or record.previous_hash != NO_PREVIOUS_HASH:
        raise _not_baseline("it is not the first record of its meter")
    if record.flags != ClockStatus.SYNCHRONISED:
        raise _not_baseline("its flags must say 'clock synchronised' and nothing else")
    if record.surplus_mwh or any(record.encode()[64:84]):
        raise _not_baseline("surplus, power, voltage, current and frequency must be zero")
    return Baseline(signed, record, body.public_key)


def _not_baseline(detail: str) -> Problem:
    return Problem(422, "InvalidBaseline", f"the reading is no baseline: {detail}")


def _check_now(context: ApiContext, record: Record) -> None:
    """Check what the chain will check too, to say it in words."""
    if record.deployment != context.deployment.deployment:
        raise _not_baseline(
            f"it is for deployment {record.deployment.hex()}, this is"
            f" {context.deployment.deployment.hex()}"
        )
    age_ms = int(context.clock().timestamp() * 1000) - record.time_ms
    if not -MAX_FUTURE_MS <= age_ms <= MAX_AGE_MS:
        raise _not_baseline("its time must be within the last day: take a new one")


async def _registered_by(context: ApiContext, baseline: Baseline, owner: Pubkey) -> str | None:
    """Return the transaction that registered this very meter; None when it is not registered."""
    meter_id = baseline.record.meter_id
    account = await context.client.account(context.addresses.meter(meter_id))
    if account is None or account.owner != context.addresses.registry:
        return None
    meter = context.programs["registry"].decode_account("Meter", account.data)
    if meter["owner"] != owner or meter["key"] != baseline.device_key:
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


def _plan(context: ApiContext, baseline: Baseline, body: RegisterMeter, owner: Keypair) -> Plan:
    addresses, registrar = context.addresses, context.keys.registrar
    meter_id, signed = baseline.record.meter_id, baseline.signed

    def instructions(payer: Pubkey) -> Sequence[Instruction]:
        return [
            signature_instruction(
                int(signed.algorithm), baseline.public_key, signed.signature, signed.signed_bytes()
            ),
            context.programs["registry"].instruction(
                "register_meter",
                {
                    "export_limit_mw": body.export_limit_w * MILLIWATTS_PER_WATT,
                    "import_limit_mw": body.import_limit_w * MILLIWATTS_PER_WATT,
                    "daily_export_limit_mwh": body.daily_export_limit_mwh,
                },
                {
                    "config": addresses.registry_config(),
                    "registrar_key": registrar.pubkey(),
                    "registrar": addresses.registrar(registrar.pubkey()),
                    "owner": owner.pubkey(),
                    "owner_user": addresses.user(owner.pubkey()),
                    "meter": addresses.meter(meter_id),
                    "payer": payer,
                    "instructions_sysvar": INSTRUCTIONS,
                },
            ),
            context.programs["energy_token"].instruction(
                "open_ledger",
                {},
                {
                    "config": addresses.energy_config(),
                    "meter": addresses.meter(meter_id),
                    "ledger": addresses.ledger(meter_id),
                    "payer": payer,
                },
            ),
        ]

    return Plan(instructions, (registrar, owner), REGISTER_METER_UNITS)


def _certificate(
    context: ApiContext, body: RegisterMeter, meter_id: bytes
) -> tuple[str | None, str | None]:
    if body.csr_pem is None or context.issue_certificate is None:
        return None, None
    return context.issue_certificate(body.csr_pem, meter_id)
