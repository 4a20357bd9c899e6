//! The registry: who uses GridTokenX, which meters there are, and whose keys they sign with.
#![no_std]

mod error;
mod events;
mod instructions;
mod state;

use common::{
    codec::{instruction, split_instruction},
    events::{receive, EVENT_TAG},
};
use error::RegistryError;
use pinocchio::{AccountView, Address, ProgramResult};

/// More accounts than any instruction takes: one too many is seen.
const MAX_ACCOUNTS: usize = 16;

const INITIALIZE: u64 = instruction("initialize");
const APPOINT_REGISTRAR: u64 = instruction("appoint_registrar");
const REGISTER_USER: u64 = instruction("register_user");
const REGISTER_METER: u64 = instruction("register_meter");

pinocchio::program_entrypoint!(process_instruction, MAX_ACCOUNTS);
pinocchio::no_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

fn process_instruction(
    program_id: &Address,
    accounts: &mut [AccountView],
    data: &[u8],
) -> ProgramResult {
    let (kind, arguments) = split_instruction(data).ok_or(RegistryError::UnknownInstruction)?;
    match kind {
        REGISTER_USER => instructions::register_user(program_id, accounts, arguments),
        REGISTER_METER => instructions::register_meter(program_id, accounts, arguments),
        EVENT_TAG => receive(
            program_id,
            accounts,
            events::AUTHORITY_BUMP,
            RegistryError::Unauthorized,
        ),
        APPOINT_REGISTRAR => instructions::appoint_registrar(program_id, accounts, arguments),
        INITIALIZE => instructions::initialize(program_id, accounts, arguments),
        _ => Err(RegistryError::UnknownInstruction.into()),
    }
}
