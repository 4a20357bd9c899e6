//! A program's entrypoint: runs the instruction, and says in the log why it failed.

use crate::error::{log, Errors};
use core::mem::MaybeUninit;
use pinocchio::{
    entrypoint::deserialize, error::ProgramError, AccountView, Address, ProgramResult, SUCCESS,
};

/// Runs an instruction out of the runtime's input; accounts beyond the maximum are left out.
///
/// # Safety
/// `input` is what the runtime hands to a program.
#[inline(always)]
pub unsafe fn run<const MAX_ACCOUNTS: usize, E: Errors>(
    input: *mut u8,
    process_instruction: fn(&Address, &mut [AccountView], &[u8]) -> ProgramResult,
) -> u64 {
    const UNINIT: MaybeUninit<AccountView> = MaybeUninit::uninit();
    let mut accounts = [UNINIT; MAX_ACCOUNTS];
    // SAFETY: as above.
    let (program_id, count, data) = unsafe { deserialize::<MAX_ACCOUNTS>(input, &mut accounts) };
    // SAFETY: the first `count` were written.
    let accounts = unsafe { core::slice::from_raw_parts_mut(accounts.as_mut_ptr().cast(), count) };
    match process_instruction(program_id, accounts, data) {
        Ok(()) => SUCCESS,
        Err(error) => fail::<E>(error),
    }
}

/// Logs an error and returns its number. Not inlined: success costs no unit more for it.
#[inline(never)]
fn fail<E: Errors>(error: ProgramError) -> u64 {
    log::<E>(&error);
    error.into()
}

/// Declares the entrypoint of a program with these errors.
#[macro_export]
macro_rules! entrypoint {
    ($process_instruction:expr, $max_accounts:expr, $errors:ty) => {
        /// # Safety
        /// `input` is what the runtime hands to a program.
        #[no_mangle]
        pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
            // SAFETY: as above.
            unsafe {
                $crate::entrypoint::run::<$max_accounts, $errors>(input, $process_instruction)
            }
        }
    };
}
