"""Energy tokens are used up against what a meter recorded as consumed beyond its own production."""

from collections.abc import Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.meters.models import Redeem, Redeemed
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_protocol.units import format_kwh

REDEEM_UNITS = 15_000


async def redeem(
    context: ApiContext, attempt: Attempt, owner: Pubkey, meter_id: bytes, body: Redeem
) -> Redeemed:
    """Burn an owner's tokens against their meter's deficit.

    Raises:
        WalletMustSign: the hub does not hold the owner's wallet.
        Problem: 409 NothingSettled, the meter has no ledger yet.
        TransactionRefused: the program's own refusal: DeficitExceeded, InsufficientBalance.
    """
    addresses = context.addresses

    def instructions(_payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["energy_token"].instruction(
                "redeem",
                {"amount_mwh": body.amount_mwh},
                {
                    "config": addresses.energy_config(),
                    "meter": addresses.meter(meter_id),
                    "ledger": addresses.ledger(meter_id),
                    "owner": owner,
                    "energy_mint": addresses.energy_mint(),
                    "owner_token": addresses.associated_token(owner, addresses.energy_mint()),
                },
            )
        ]

    async def plan() -> Plan:
        await _ledger(context, meter_id)
        return Plan(instructions, (owner,), REDEEM_UNITS)

    delivered = await deliver(context, attempt, "redeem", plan)
    ledger = await _ledger(context, meter_id)
    return Redeemed(
        meter_id=meter_id.hex(),
        amount_kwh=format_kwh(body.amount_mwh),
        redeemed_kwh=format_kwh(ledger["redeemed_mwh"]),
        deficit_kwh=format_kwh(ledger["deficit_mwh"]),
        tx_signature=delivered.tx_signature,
    )


async def _ledger(context: ApiContext, meter_id: bytes) -> dict[str, int]:
    account = await context.client.account(context.addresses.ledger(meter_id))
    if account is None:
        raise Problem(
            409, "NothingSettled", "nothing of this meter has been settled: there is no deficit yet"
        )
    return context.programs["energy_token"].decode_account("Ledger", account.data)
