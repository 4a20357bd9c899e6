"""GRX for the treasury, from which it pays the sellers of what is bought in baht."""

from collections.abc import Mapping

from gridtokenx_hub.chain import Confirmation, TransactionSender
from gridtokenx_hub.keys import RoleKeys
from gridtokenx_programs import Addresses, Program, create_associated_token

COMPUTE_UNITS = 60_000


async def mint_to_treasury(
    sender: TransactionSender,
    programs: Mapping[str, Program],
    addresses: Addresses,
    keys: RoleKeys,
    amount_micro_grx: int,
) -> Confirmation:
    """Mint GRX to the treasury's own account, which is made if it is not there.

    Raises:
        TransactionRefused: the program's own refusal, such as the cap.
        ChainUnavailable, TransactionExpired: look at the balance before it is repeated.
    """
    treasury, mint = keys.treasury.pubkey(), addresses.grx_mint()
    minted = programs["energy_token"].instruction(
        "mint_grx",
        {"amount": amount_micro_grx},
        {
            "config": addresses.energy_config(),
            "treasury": treasury,
            "grx_mint": mint,
            "destination": addresses.associated_token(treasury, mint),
        },
    )
    return await sender.send(
        lambda payer: [create_associated_token(payer, treasury, mint), minted],
        (keys.treasury,),
        compute_units=COMPUTE_UNITS,
    )
