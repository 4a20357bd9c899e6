"""Which guardians attest payments in baht, and for which bridge: appointed by the authority."""

from collections.abc import Sequence
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.bootstrap.errors import BootstrapError
from gridtokenx_hub.chain import ChainClient, TransactionSender
from gridtokenx_programs import Addresses, Program
from gridtokenx_programs.evm import BridgeId

MAX_GUARDIANS = 9
COMPUTE_UNITS = 60_000


async def guardians_in_office(
    client: ChainClient, trading: Program, addresses: Addresses
) -> dict[str, Any] | None:
    """Return the fields of the program's `Guardians`, None while none were appointed.

    `guardians` are those in office alone, in their order.
    """
    account = await client.account(addresses.guardians())
    if account is None or account.owner != trading.id:
        return None
    found = trading.decode_account("Guardians", account.data)
    return {**found, "guardians": found["guardians"][: found["count"]]}


async def appoint_guardians(
    client: ChainClient,
    sender: TransactionSender,
    trading: Program,
    addresses: Addresses,
    authority: Keypair,
    guardians: Sequence[Pubkey],
    threshold: int,
    bridge: BridgeId,
) -> dict[str, Any]:
    """Put these guardians of this bridge in office; return the fields of `Guardians` then.

    Nothing is sent when they are in office already, in this order: each set has an epoch of its
    own, and with it what the set before attested counts for nothing any more.

    Raises:
        BootstrapError: the program would not take such a set.
        ChainUnavailable, TransactionRefused, TransactionExpired: it may be repeated.
    """
    count = len(guardians)
    if count > MAX_GUARDIANS or len(set(guardians)) != count:
        raise BootstrapError(f"name at most {MAX_GUARDIANS} guardians, and each of them once")
    if not count < 2 * threshold <= 2 * count:
        raise BootstrapError(
            f"of {count} guardians more than half must sign, and no more than there are:"
            f" the threshold is {count // 2 + 1} to {count}"
        )
    args = {
        "threshold": threshold,
        "evm_chain_id": bridge.chain_id,
        "bridge": bridge.address,
    }
    found = await guardians_in_office(client, trading, addresses)
    wanted = {**args, "guardians": tuple(guardians)}
    if found is not None and {name: found[name] for name in wanted} == wanted:
        return found
    unused = [Pubkey.default()] * (MAX_GUARDIANS - count)
    accounts = {
        "market": addresses.market(),
        "authority": authority.pubkey(),
        "guardians": addresses.guardians(),
    }
    await sender.send(
        lambda payer: [
            trading.instruction(
                "set_guardians",
                {**args, "count": count, "guardians": [*guardians, *unused]},
                {**accounts, "payer": payer},
            )
        ],
        (authority,),
        compute_units=COMPUTE_UNITS,
    )
    found = await guardians_in_office(client, trading, addresses)
    if found is None:
        raise BootstrapError("the node does not show the guardians yet: ask again")
    return found
