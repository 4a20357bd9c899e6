"""Rules that hold for the accounts of every instruction."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from grid import KWH, Grid, with_accounts, with_data, without_signature
from harness import Device
from meters import Stewards, ordinary_reading, proof_of_two, replaced_reading
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import World

from gridtokenx_programs.program import DISCRIMINATOR_SIZE


@dataclass
class Call:
    """An instruction that would succeed, with what must go before it and who signs."""

    grid: Grid
    instruction: Instruction
    signers: Sequence[Keypair]
    before: Sequence[Instruction] = ()

    def refuse(self, error: str, instruction: Instruction) -> None:
        asked = {meta.pubkey for meta in instruction.accounts if meta.is_signer}
        signers = [key for key in self.signers if key.pubkey() in asked]
        self.grid.world.refuse(error, *self.before, instruction, signers=signers)

    def with_account(self, name: str, meta: AccountMeta) -> Instruction | None:
        """The instruction with another account in a place; None when it has no such place."""
        program = self.grid.world.programs[self.instruction.program_id]
        spec = next(
            spec
            for spec in program.idl.instructions.values()
            if bytes(self.instruction.data).startswith(spec.discriminator)
        )
        names = [role.name for role in spec.accounts]
        if name not in names:
            return None
        metas = list(self.instruction.accounts)
        metas[names.index(name)] = meta
        return with_accounts(self.instruction, metas)


def registry_initialize(grid: Grid) -> Call:
    return Call(grid, grid.initialize_registry(), [grid.authority])


def appoint_registrar(grid: Grid) -> Call:
    grid.start_registry()
    return Call(grid, grid.appoint_registrar(Pubkey.new_unique()), [grid.authority])


def register_user(grid: Grid) -> Call:
    grid.start_registry()
    wallet = grid.world.wallet(0)
    return Call(grid, grid.register_user(wallet.pubkey()), [wallet])


def register_meter(grid: Grid) -> Call:
    grid.start_registry()
    owner, meter_id = grid.user(), os.urandom(16)
    proof = Device().proof(grid.baseline(meter_id))
    instruction = grid.register_meter(owner.pubkey(), meter_id)
    return Call(grid, instruction, [grid.registrar, owner], [proof])


def tokens_initialize(grid: Grid) -> Call:
    grid.start_registry()
    return Call(grid, grid.initialize_tokens(), [grid.authority])


def mint_grx(grid: Grid) -> Call:
    grid.start_registry()
    grid.start_tokens()
    tokens = grid.world.put_tokens(grid.world.addresses.grx_mint(), Pubkey.new_unique())
    return Call(grid, grid.mint_grx(tokens, 1), [grid.treasury])


def open_ledger(grid: Grid) -> Call:
    call = register_meter(grid)
    grid.start_tokens()
    grid.world.send(*call.before, call.instruction, signers=call.signers)
    meter_id = bytes(call.before[0].data)[-112:-96]
    return Call(grid, grid.open_ledger(meter_id), [])


def settle_meter(grid: Grid) -> Call:
    grid.start_registry()
    grid.start_tokens()
    site = grid.site()
    return Call(grid, site.instruction(), [], [site.device.proof(site.reading())])


def stewards_of(grid: Grid) -> Stewards:
    grid.start_registry()
    grid.start_tokens()
    return Stewards(grid)


def rotate_key(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    site = grid.site()
    proof = Device().proof(ordinary_reading(site, 6))
    return Call(grid, stewards.rotate_key(site), [grid.registrar, site.owner], [proof])


def report_equivocation(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    site = grid.site()
    readings = [ordinary_reading(site, sequence, produced_mwh=1) for sequence in (6, 7)]
    proofs = [
        site.device.proof(ordinary_reading(site, 6)),
        proof_of_two(site.device, *readings),
    ]
    return Call(grid, stewards.report_equivocation(site), [], proofs)


def suspend_meter(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    return Call(grid, stewards.suspend_meter(grid.site()), [grid.registrar])


def revoke_meter(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    site = grid.site()
    return Call(grid, stewards.revoke_meter(site, site.owner.pubkey()), [site.owner])


def transfer_meter(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    grid.world.send(stewards.set_energy_token(), signers=[grid.authority])
    site, heir = grid.fresh_site(), grid.user()
    signers = [grid.registrar, site.owner, heir]
    return Call(grid, stewards.transfer_meter(site, heir.pubkey()), signers)


def dismiss_registrar(grid: Grid) -> Call:
    grid.start_registry()
    another = Pubkey.new_unique()
    grid.world.send(grid.appoint_registrar(another), signers=[grid.authority])
    return Call(grid, Stewards(grid).dismiss_registrar(another), [grid.authority])


def set_energy_token(grid: Grid) -> Call:
    grid.start_registry()
    return Call(grid, Stewards(grid).set_energy_token(), [grid.authority])


def registry_set_authority(grid: Grid) -> Call:
    grid.start_registry()
    heir = grid.world.wallet(0)
    return Call(grid, Stewards(grid).set_authority(heir.pubkey()), [grid.authority, heir])


def tokens_set_authority(grid: Grid) -> Call:
    stewards, heir = stewards_of(grid), grid.world.wallet(0)
    return Call(grid, stewards.set_token_authority(heir.pubkey()), [grid.authority, heir])


def rebase_meter(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    site = grid.site()
    proof = site.device.proof(replaced_reading(site))
    return Call(grid, stewards.rebase_meter(site), [grid.registrar], [proof])


def redeem(grid: Grid) -> Call:
    stewards = stewards_of(grid)
    site = grid.site()
    site.settle(site.reading(surplus_mwh=KWH * 2))
    return Call(grid, stewards.redeem(site, KWH // 2), [site.owner])


CALLS = [
    registry_initialize, appoint_registrar, register_user, register_meter,
    rotate_key, report_equivocation, suspend_meter, revoke_meter, transfer_meter,
    dismiss_registrar, set_energy_token, registry_set_authority,
    tokens_initialize, mint_grx, open_ledger, settle_meter,
    rebase_meter, redeem, tokens_set_authority,
]  # fmt: skip


@pytest.fixture
def grid(world: World) -> Grid:
    """A deployment in which nothing is initialised."""
    return Grid(world)


@pytest.fixture(params=CALLS, ids=lambda make: make.__name__)
def call(grid: Grid, request: pytest.FixtureRequest) -> Call:
    make: Callable[[Grid], Call] = request.param
    return make(grid)


def test_each_call_succeeds_as_it_is(call: Call) -> None:
    outcome = call.grid.world.send(*call.before, call.instruction, signers=call.signers)
    assert len(outcome.events) == 1


@pytest.mark.parametrize("name", ["system_program", "token_program", "program", "event_authority"])
def test_a_program_in_anothers_place(call: Call, name: str) -> None:
    for other in (call.grid.world.trading.id, call.grid.world.trading.event_authority):
        wrong = call.with_account(name, AccountMeta(other, is_signer=False, is_writable=False))
        if wrong is not None:
            call.refuse("InvalidAccount", wrong)


def test_whoever_pays_signs(call: Call) -> None:
    stranger = call.grid.world.wallet()
    meta = AccountMeta(stranger.pubkey(), is_signer=True, is_writable=True)
    paid = call.with_account("payer", meta)
    if paid is not None:
        call.refuse("MissingSignature", without_signature(paid, stranger.pubkey()))
        before = call.grid.world.lamports(stranger.pubkey())
        call.grid.world.send(*call.before, paid, signers=[*call.signers, stranger])
        after = call.grid.world.lamports(stranger.pubkey())
        assert after < before


def test_accounts_have_one_number(call: Call) -> None:
    accounts = call.instruction.accounts
    for wrong in (accounts[:-1], [*accounts, accounts[-1]], []):
        call.refuse("WrongNumberOfAccounts", with_accounts(call.instruction, wrong))


def test_arguments_have_one_size(call: Call) -> None:
    data = bytes(call.instruction.data)
    wrong = [data + b"\0"]
    if len(data) > DISCRIMINATOR_SIZE:
        wrong.append(data[:-1])
    for other in wrong:
        call.refuse("InvalidArguments", with_data(call.instruction, other))


def test_every_account_that_is_written_is_writable(call: Call) -> None:
    """State that the sender locked only for reading is refused by name, the rest by the runtime."""
    world, instruction = call.grid.world, call.instruction
    for index, meta in enumerate(instruction.accounts):
        if not meta.is_writable or meta.pubkey == world.payer.pubkey():
            continue
        metas = list(instruction.accounts)
        metas[index] = AccountMeta(meta.pubkey, meta.is_signer, is_writable=False)
        account = world.find(meta.pubkey)
        if account is not None and account.owner == instruction.program_id:
            registrar = world.addresses.registrar(call.grid.registrar.pubkey())
            error = "Unauthorized" if meta.pubkey == registrar else "InvalidAccount"
            call.refuse(error, with_accounts(instruction, metas))
        else:
            world.refusal(*call.before, with_accounts(instruction, metas), signers=call.signers)
