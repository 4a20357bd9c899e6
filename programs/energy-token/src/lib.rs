//! The ENERGY and GRX mints, and the one way energy is minted: a reading that a meter signed.
#![no_std]

mod error;
mod events;
mod instructions;
mod settlement;
mod state;

use common::{
    codec::{instruction, split_instruction},
    events::{receive, EVENT_TAG},
};
use error::EnergyTokenError;
use pinocchio::{AccountView, Address, ProgramResult};

/// More accounts than any instruction takes: one too many is seen.
const MAX_ACCOUNTS: usize = if cfg!(feature = "without-spare-account") {
    12
} else {
    16
};

const INITIALIZE: u64 = instruction("initialize");
const MINT_GRX: u64 = instruction("mint_grx");
const OPEN_LEDGER: u64 = instruction("open_ledger");
const SETTLE_METER: u64 = instruction("settle_meter");
const REDEEM: u64 = instruction("redeem");
const REBASE_METER: u64 = instruction("rebase_meter");
const SET_AUTHORITY: u64 = instruction("set_authority");

common::entrypoint!(process_instruction, MAX_ACCOUNTS, EnergyTokenError);
pinocchio::no_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

#[inline(always)] // six words are more than a call takes
fn process_instruction(
    program_id: &Address,
    accounts: &mut [AccountView],
    data: &[u8],
) -> ProgramResult {
    let (kind, arguments) = split_instruction(data).ok_or(EnergyTokenError::UnknownInstruction)?;
    match kind {
        SETTLE_METER => instructions::settle_meter(program_id, accounts, arguments),
        EVENT_TAG => receive(
            program_id,
            accounts,
            events::AUTHORITY_BUMP,
            EnergyTokenError::Unauthorized,
        ),
        REDEEM => instructions::redeem(program_id, accounts, arguments),
        REBASE_METER => instructions::rebase_meter(program_id, accounts, arguments),
        SET_AUTHORITY => instructions::set_authority(program_id, accounts, arguments),
        MINT_GRX => instructions::mint_grx(program_id, accounts, arguments),
        OPEN_LEDGER => instructions::open_ledger(program_id, accounts, arguments),
        INITIALIZE => instructions::initialize(program_id, accounts, arguments),
        _ => Err(EnergyTokenError::UnknownInstruction.into()),
    }
}
