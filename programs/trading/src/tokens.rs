//! Two steps of the token program in one call.

use core::mem::MaybeUninit;
use pinocchio::{
    cpi::{CpiAccount, Signer},
    instruction::InstructionAccount,
    ProgramResult,
};
use pinocchio_token::instructions::{Batch, InitializeAccount3, IntoBatch, Transfer};

/// Two transfers have three accounts each.
const ACCOUNTS: usize = 6;
const DATA: usize = Batch::header_data_len(2) + InitializeAccount3::DATA_LEN + Transfer::DATA_LEN;

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
