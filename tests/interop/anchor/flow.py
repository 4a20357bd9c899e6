"""The whole flow: each instruction of registry, energy-token and trading at least once.

It is described here once, as data for whichever client sends it. A generator, since some of a
step follows from what was on the chain before it. What needs time to pass comes last.
"""

from collections.abc import Mapping

from solders.keypair import Keypair
from tests.interop.programs import ADDRESSES

from gridtokenx_programs import create_associated_token
from gridtokenx_protocol.deployment import deployment_id

from .chain import Chain
from .market_flow import market
from .meter import ORDINARY, REPLACED, SETTLEMENT, Meter
from .steps import ENERGY, GRX, Flow, Read, Step

KWH = 1_000_000
HOUR_S = 3_600
INTERVAL_S = 900
GRX_CAP = 10**15
LIMITS = {
    "export_limit_mw": 20_000_000,
    "import_limit_mw": 20_000_000,
    "daily_export_limit_mwh": 400 * KWH,
}


def flow(chain: Chain, people: Mapping[str, Keypair]) -> Flow:
    """From three programs that nobody has initialised to a meter that is sold and orders closed."""
    yield from _programs(chain)
    yield from _users(people)
    home = Meter(_deployment(chain))
    yield from _home(chain, home)
    registrar = people["registrar_key"].pubkey()
    yield Read("registry", "Registrar", ADDRESSES.registrar(registrar))
    yield from _money(people)
    yield from _next_owner(chain, home)
    yield from _given_up(chain, people)
    yield from _authorities()
    yield from market(chain, people)


def _programs(chain: Chain) -> Flow:
    start = {"genesis_hash": chain.genesis_hash(), "settlement_interval_s": INTERVAL_S}
    yield Step("registry", "initialize", start)
    yield Step("registry", "initialize", start, error="AlreadyInitialized")
    yield Step("energy_token", "initialize", {"grx_cap": GRX_CAP})
    yield Step("registry", "set_energy_token")
    yield Step("trading", "initialize_market")
    cap = {"daily_cap": 5}
    yield Step("registry", "appoint_registrar", cap, {"authority": "buyer"}, error="Unauthorized")
    yield Step("registry", "appoint_registrar", cap)
    yield Read("registry", "Config", ADDRESSES.registry_config())
    yield Read("registry", "EnergyToken", ADDRESSES.energy_token_link())
    yield Read("energy_token", "Config", ADDRESSES.energy_config())
    yield Read("trading", "Market", ADDRESSES.market())


def _users(people: Mapping[str, Keypair]) -> Flow:
    payer = people["payer"].pubkey()
    for name, user_type in (("seller", "Prosumer"), ("buyer", "Consumer")):
        wallet = people[name].pubkey()
        tokens = tuple(create_associated_token(payer, wallet, mint) for mint in (ENERGY, GRX))
        user = {"user_type": user_type}
        yield Step("registry", "register_user", user, {"wallet": name}, before=tokens)
        yield Read("registry", "User", ADDRESSES.user(wallet))
    yield Step(
        "registry", "register_user", {"user_type": "Consumer"}, {"wallet": "seller"},
        error="UserAlreadyRegistered", preflight=False,
    )  # fmt: skip


def _home(chain: Chain, home: Meter) -> Flow:
    """A meter is registered, settled and redeemed from; its device and registers are replaced."""
    baseline = home.proof(1, chain.now_s - HOUR_S, ORDINARY)
    yield Step("registry", "register_meter", LIMITS, home.accounts, (baseline,))
    yield Step("energy_token", "open_ledger", {}, home.accounts)
    # What is used after a settlement can be redeemed: 4 kWh of these.
    registers = {"produced_mwh": 10 * KWH, "consumed_mwh": 4 * KWH, "surplus_mwh": 10 * KWH}
    settlement = home.proof(2, chain.now_s // INTERVAL_S * INTERVAL_S, SETTLEMENT, **registers)
    yield Step("energy_token", "settle_meter", {}, home.accounts, (settlement,))
    for preflight in (True, False):
        yield Step(
            "energy_token", "settle_meter", {}, home.accounts, (settlement,),
            error="SequenceNotHigher", preflight=preflight,
        )  # fmt: skip
    yield Step("energy_token", "redeem", {"amount_mwh": KWH}, home.accounts)
    home.replace_device()
    rotation = home.proof(3, chain.now_s, ORDINARY)
    yield Step("registry", "rotate_key", {}, home.accounts, (rotation,))
    yield Read("registry", "Meter", home.accounts["meter"])
    yield Read("energy_token", "Ledger", home.accounts["ledger"])


def _money(people: Mapping[str, Keypair]) -> Flow:
    treasury, payer = people["treasury"].pubkey(), people["payer"].pubkey()
    for owner in (people["buyer"].pubkey(), treasury):
        destination = ADDRESSES.associated_token(owner, GRX)
        account = (create_associated_token(payer, owner, GRX),) if owner == treasury else ()
        yield Step(
            "energy_token", "mint_grx", {"amount": 100 * KWH}, {"destination": destination}, account
        )


def _next_owner(chain: Chain, home: Meter) -> Flow:
    """New registers, a new owner, and a device that is caught."""
    replaced = home.proof(4, chain.now_s, REPLACED, produced_mwh=7, surplus_mwh=7)
    yield Step("energy_token", "rebase_meter", {}, home.accounts, (replaced,))
    yield Step("registry", "transfer_meter", {}, home.accounts)
    contradiction = tuple(home.proof(9, chain.now_s, ORDINARY, consumed_mwh=mwh) for mwh in (1, 2))
    yield Step("registry", "report_equivocation", {}, home.accounts, contradiction)


def _given_up(chain: Chain, people: Mapping[str, Keypair]) -> Flow:
    meter = Meter(_deployment(chain))
    baseline = meter.proof(1, chain.now_s, ORDINARY)
    yield Step("registry", "register_meter", LIMITS, meter.accounts, (baseline,))
    yield Step("registry", "suspend_meter", {}, meter.accounts)
    no_registrar = {"registrar": ADDRESSES.registrar(people["seller"].pubkey())}
    yield Step("registry", "revoke_meter", {}, meter.accounts | no_registrar)


def _deployment(chain: Chain) -> bytes:
    return deployment_id(chain.genesis_hash(), bytes(ADDRESSES.registry))


def _authorities() -> Flow:
    yield Step("energy_token", "set_authority", {"role": "Authority"})
    yield Step("registry", "set_authority")
    yield Step("registry", "dismiss_registrar", error="Unauthorized", preflight=False)
    yield Step("registry", "dismiss_registrar", {}, {"authority": "new_authority"})
