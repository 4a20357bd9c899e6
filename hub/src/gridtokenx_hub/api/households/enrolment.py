"""How a household comes to the market: its user with a wallet, its GRX, its balances."""

from collections.abc import Sequence

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.households.new_users import NewRow
from gridtokenx_hub.api.http.models import Balances, CreateUser, MintedGrx, MintGrx, NewUser
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_programs import create_associated_token
from gridtokenx_protocol.units import format_grx, format_kwh

REGISTER_USER_UNITS = 100_000
MINT_GRX_UNITS = 15_000


async def create_user(context: ApiContext, attempt: Attempt, body: CreateUser) -> NewUser:
    """Register a wallet on chain with its token accounts; without one, the hub makes and holds it.

    Raises:
        WalletMustSign: it is the household's own.
        Problem: 409, the wallet is another user's.
    """
    keypair: Keypair | None = None
    if "user" not in attempt.journal:
        keypair = await _store_user(context, attempt, body)
    user = NewUser(**attempt.journal["user"])

    async def plan() -> Plan:
        return _register_plan(context, Pubkey.from_string(user.wallet), body.user_type, keypair)

    await deliver(context, attempt, "register_user", plan)
    return user


async def _store_user(context: ApiContext, attempt: Attempt, body: CreateUser) -> Keypair | None:
    """Store a user; return the key of its wallet if that is made with it."""
    added = await context.new_users.add(NewRow(attempt, body.wallet, body.name, body.user_type))
    if added is None:
        raise Problem(409, "UserAlreadyRegistered", f"wallet {body.wallet} is a user's already")
    return added.keypair


def _register_plan(
    context: ApiContext, wallet: Pubkey, user_type: str, keypair: Keypair | None = None
) -> Plan:
    """Plan a registration; with the wallet's key at hand, the vault need not be opened for it."""
    addresses = context.addresses
    register = context.programs["registry"]

    def instructions(payer: Pubkey) -> Sequence[Instruction]:
        return [
            register.instruction(
                "register_user",
                {"user_type": user_type.capitalize()},
                {
                    "config": addresses.registry_config(),
                    "wallet": wallet,
                    "user": addresses.user(wallet),
                    "payer": payer,
                },
            ),
            create_associated_token(payer, wallet, addresses.energy_mint()),
            create_associated_token(payer, wallet, addresses.grx_mint()),
        ]

    if keypair is None:
        return Plan(instructions, (wallet,), REGISTER_USER_UNITS)
    return Plan(instructions, (), REGISTER_USER_UNITS, signers=(keypair,))


async def register_me(context: ApiContext, attempt: Attempt, caller: Principal) -> NewUser:
    """Register the caller's wallet on chain, if it is not.

    Raises:
        WalletMustSign: it is the household's own.
    """
    (row,) = await context.pool.fetch(
        "SELECT id, wallet, user_type, registered_at FROM users WHERE id = $1", caller.user_id
    )
    if row["registered_at"] is None:

        async def plan() -> Plan:
            return _register_plan(context, Pubkey.from_string(row["wallet"]), row["user_type"])

        await deliver(context, attempt, "register_user", plan)
    return NewUser(user_id=row["id"], wallet=row["wallet"])


async def mint_grx(context: ApiContext, attempt: Attempt, body: MintGrx) -> MintedGrx:
    """Mint GRX to a user, signed by the treasury.

    Raises:
        Problem: 404, no such user.
        TransactionRefused: the program's own refusal, such as the cap.
    """
    addresses = context.addresses
    wallet = await wallet_of(context, body.user_id)

    def instructions(_payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["energy_token"].instruction(
                "mint_grx",
                {"amount": body.amount_micro_grx},
                {
                    "config": addresses.energy_config(),
                    "treasury": context.keys.treasury.pubkey(),
                    "grx_mint": addresses.grx_mint(),
                    "destination": addresses.associated_token(wallet, addresses.grx_mint()),
                },
            )
        ]

    async def plan() -> Plan:
        return Plan(instructions, (), MINT_GRX_UNITS, signers=(context.keys.treasury,))

    delivered = await deliver(context, attempt, "mint_grx", plan)
    return MintedGrx(
        user_id=body.user_id,
        amount_grx=format_grx(body.amount_micro_grx),
        tx_signature=delivered.tx_signature,
    )


async def balances(context: ApiContext, user_id: int) -> Balances:
    """Return what a user's wallet holds on chain.

    Raises:
        Problem: 404, no such user.
    """
    addresses = context.addresses
    wallet = await wallet_of(context, user_id)
    energy = addresses.associated_token(wallet, addresses.energy_mint())
    grx = addresses.associated_token(wallet, addresses.grx_mint())
    return Balances(
        energy_kwh=format_kwh(await context.client.token_balance(energy)),
        grx=format_grx(await context.client.token_balance(grx)),
        energy_account=str(energy),
        grx_account=str(grx),
    )


async def wallet_of(context: ApiContext, user_id: int) -> Pubkey:
    """Return a user's wallet.

    Raises:
        Problem: 404, no such user.
    """
    wallet = await context.pool.fetchval("SELECT wallet FROM users WHERE id = $1", user_id)
    if wallet is None:
        raise Problem(404, "UnknownUser", f"there is no user {user_id}")
    return Pubkey.from_string(wallet)
