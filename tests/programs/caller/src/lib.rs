//! Calls another program with the accounts and data that it is given: what an attacker would
//! put between a transaction and our programs. Only tests use it.
//!
//! Accounts: the program to call, then what to pass on. Data: the bump of this program's own
//! event authority, for which it signs, then what to pass on.
//!
//! `caller.so` beside `src` is built in the folder `programs` with
//! `RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo sbpf --target-dir target \
//! --manifest-path ../tests/programs/caller/Cargo.toml`.
#![no_std]

use pinocchio::{
    cpi::{invoke_signed_with_bounds, Seed, Signer},
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
    AccountView, Address, ProgramResult,
};

pinocchio::program_entrypoint!(process_instruction, MAX_ACCOUNTS);
pinocchio::no_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

const MAX_ACCOUNTS: usize = 16;
const SEED: &[u8] = b"__event_authority";

fn process_instruction(
    program_id: &Address,
    accounts: &mut [AccountView],
    data: &[u8],
) -> ProgramResult {
    let [program, accounts @ ..] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let [bump, data @ ..] = data else {
        return Err(ProgramError::InvalidInstructionData);
    };
    let own = Address::derive_address(&[SEED], Some(*bump), program_id);
    let mut metas = [const { InstructionAccount::readonly(&pinocchio::sysvars::clock::CLOCK_ID) };
        MAX_ACCOUNTS];
    for (meta, account) in metas.iter_mut().zip(accounts.iter()) {
        let is_signer = account.is_signer() || *account.address() == own;
        *meta = InstructionAccount::new(account.address(), account.is_writable(), is_signer);
    }
    let instruction = InstructionView {
        program_id: program.address(),
        accounts: &metas[..accounts.len()],
        data,
    };
    let bump = [*bump];
    let seeds = [Seed::from(SEED), Seed::from(&bump)];
    invoke_signed_with_bounds::<MAX_ACCOUNTS, _>(&instruction, accounts, &[Signer::from(&seeds)])
}
