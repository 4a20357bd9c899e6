//! Token accounts, and two steps of the token program in one call.

use crate::error::TradingError::InvalidTokenAccount;
use common::accounts;
use common::error::require;
use core::mem::MaybeUninit;
use pinocchio::{
    address::address_eq,
    cpi::{CpiAccount, Signer},
    error::ProgramError,
    instruction::InstructionAccount,
    AccountView, Address, ProgramResult,
};
use pinocchio_token::instructions::{Batch, InitializeAccount3, IntoBatch, Transfer};

/// Two steps have at most three accounts each.
const ACCOUNTS: usize = 6;
/// The longest two: a new account, and a transfer into it.
const DATA: usize = Batch::header_data_len(2) + InitializeAccount3::DATA_LEN + Transfer::DATA_LEN;

/// A token account of this mint that belongs to `owner` alone; returns what it holds.
#[inline(always)]
pub fn owned(account: &AccountView, mint: &Address, owner: &Address) -> Result<u64, ProgramError> {
    let token = accounts::token_account(account, mint, InvalidTokenAccount)?;
    #[cfg(not(feature = "without-token-owner-check"))]
    require(address_eq(token.owner(), owner), InvalidTokenAccount)?;
    Ok(token.amount())
}

/// Runs both, or neither. Each call of another program costs 1,000 compute units before it does
/// anything; the token program that clusters run today (p-token) takes a batch in one.
#[inline(always)]
pub fn batch<'a>(
    first: impl IntoBatch + 'a,
    second: impl IntoBatch + 'a,
    signers: &[Signer],
) -> ProgramResult {
    let mut data = [const { MaybeUninit::<u8>::uninit() }; DATA];
    let mut metas = [const { MaybeUninit::<InstructionAccount<'a>>::uninit() }; ACCOUNTS];
    let mut accounts = [const { MaybeUninit::<CpiAccount<'a>>::uninit() }; ACCOUNTS];
    let mut batch = Batch::new(&mut data, &mut metas, &mut accounts)?;
    first.into_batch(&mut batch)?;
    second.into_batch(&mut batch)?;
    batch.invoke_signed(signers)
}
