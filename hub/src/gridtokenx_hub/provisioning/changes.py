"""What happens to a registered meter: a new key, a new meter in its place, a new owner."""

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.delivery import Plan
from gridtokenx_hub.provisioning.acting import carry_out, evidence_for, plan_of
from gridtokenx_hub.provisioning.models import Changed
from gridtokenx_hub.provisioning.store import Code


async def rotate_key(context: ApiContext, code: Code, message: bytes) -> Changed:
    """Put the key in force that claimed the code, by a reading that it signed.

    Raises:
        ProtocolError, Problem: the reading is not this key's, or of another meter.
        UnknownWallet: the owner, who has to sign, is not among the hub's wallets.
        TransactionRefused: the program's own refusal, such as a sequence that is not higher.
    """
    evidence = evidence_for(code, message)

    async def plan() -> Plan:
        owner = await context.vault.keypair(code.mandate.owner)
        return plan_of(context, code.mandate, evidence, (owner,))

    return Changed(tx_signature=await carry_out(context, code, plan))


async def replace_meter(context: ApiContext, code: Code, message: bytes) -> Changed:
    """Let the ledger go on from the first reading of the meter's new registers.

    Raises:
        ProtocolError, Problem: the reading is not this key's, or of another meter.
        TransactionRefused: the program's own refusal, such as a reading without the flag for it.
    """
    evidence = evidence_for(code, message)

    async def plan() -> Plan:
        return plan_of(context, code.mandate, evidence, ())

    return Changed(tx_signature=await carry_out(context, code, plan))


async def transfer(context: ApiContext, code: Code) -> Changed:
    """Give the meter to the new owner; both have to sign.

    Raises:
        UnknownWallet: one of them is not among the hub's wallets.
        TransactionRefused: the program's own refusal: `NotSettled` while something is unsettled.
    """

    async def plan() -> Plan:
        mandate = code.mandate
        owners = [wallet for wallet in (mandate.owner, mandate.new_owner) if wallet is not None]
        keypairs = [await context.vault.keypair(wallet) for wallet in owners]
        return plan_of(context, mandate, None, tuple(keypairs))

    return Changed(tx_signature=await carry_out(context, code, plan))
