#![no_std]

use pinocchio::{error::ProgramError, AccountView, Address, ProgramResult};

pinocchio::program_entrypoint!(process_instruction);
pinocchio::default_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

fn process_instruction(_: &Address, _: &mut [AccountView], _: &[u8]) -> ProgramResult {
    Err(ProgramError::InvalidInstructionData)
}
