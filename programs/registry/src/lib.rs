//! The registry: who uses GridTokenX, which meters there are, and whose keys they sign with.
#![no_std]

mod error;
mod events;
mod instructions;
mod roles;
mod state;

use common::{
    codec::{instruction, split_instruction},
    events::{receive, EVENT_TAG},
};
use error::RegistryError;
use pinocchio::{AccountView, Address, ProgramResult};

/// More accounts than any instruction takes: one too many is seen.
const MAX_ACCOUNTS: usize = if cfg!(feature = "without-spare-account") {
    11
} else {
    16
};

const INITIALIZE: u64 = instruction("initialize");
const APPOINT_REGISTRAR: u64 = instruction("appoint_registrar");
const REGISTER_USER: u64 = instruction("register_user");
const REGISTER_METER: u64 = instruction("register_meter");
const ROTATE_KEY: u64 = instruction("rotate_key");
const REPORT_EQUIVOCATION: u64 = instruction("report_equivocation");
const SUSPEND_METER: u64 = instruction("suspend_meter");
const REVOKE_METER: u64 = instruction("revoke_meter");
const TRANSFER_METER: u64 = instruction("transfer_meter");
const DISMISS_REGISTRAR: u64 = instruction("dismiss_registrar");
const SET_ENERGY_TOKEN: u64 = instruction("set_energy_token");
const SET_AUTHORITY: u64 = instruction("set_authority");

common::entrypoint!(process_instruction, MAX_ACCOUNTS, RegistryError);
pinocchio::no_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

#[inline(always)] // six words are more than a call takes
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
        ROTATE_KEY => instructions::rotate_key(program_id, accounts, arguments),
        REPORT_EQUIVOCATION => instructions::report_equivocation(program_id, accounts, arguments),
        SUSPEND_METER => instructions::suspend_meter(program_id, accounts, arguments),
        REVOKE_METER => instructions::revoke_meter(program_id, accounts, arguments),
        TRANSFER_METER => instructions::transfer_meter(program_id, accounts, arguments),
        DISMISS_REGISTRAR => instructions::dismiss_registrar(program_id, accounts, arguments),
        SET_ENERGY_TOKEN => instructions::set_energy_token(program_id, accounts, arguments),
        SET_AUTHORITY => instructions::set_authority(program_id, accounts, arguments),
        APPOINT_REGISTRAR => instructions::appoint_registrar(program_id, accounts, arguments),
        INITIALIZE => instructions::initialize(program_id, accounts, arguments),
        _ => Err(RegistryError::UnknownInstruction.into()),
    }
}
