//! One file for each instruction.

pub mod accept_offer;
pub mod cancel;
pub mod cancel_offer;
pub mod close_offer;
pub mod close_order;
pub mod create_offer;
pub mod create_order;
pub mod expire;
pub mod expire_offer;
pub mod initialize_market;
pub mod match_order;
pub mod match_order_with_thb;
pub mod pause;
pub mod release_reservation;
pub mod reserve_order;
pub mod resume;
pub mod set_authority;
pub mod set_guardians;
pub mod update_price;

use crate::error::TradingError::{InvalidArguments, WrongNumberOfAccounts};
use common::codec::{from_bytes, Plain};
use pinocchio::{error::ProgramError, AccountView, Address};

/// An instruction as it comes in. Each is a function of its own, with a stack frame of its own;
/// what it is given in one struct, since the machine has no more than five registers for it.
pub struct Call<'a> {
    pub program_id: &'a Address,
    accounts: &'a mut [AccountView],
    arguments: &'a [u8],
}

impl<'a> Call<'a> {
    #[inline(always)]
    pub fn new(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
        arguments: &'a [u8],
    ) -> Self {
        Self {
            program_id,
            accounts,
            arguments,
        }
    }

    /// The arguments: exactly this layout, `[u8; 0]` for none.
    #[inline(always)]
    pub fn arguments<T: Plain>(&self) -> Result<&'a T, ProgramError> {
        let arguments = self.arguments;
        #[cfg(feature = "without-argument-size-check")]
        let arguments = arguments.get(..size_of::<T>()).ok_or(InvalidArguments)?;
        Ok(from_bytes(arguments).ok_or(InvalidArguments)?)
    }

    /// The accounts: exactly as many as the caller has names for.
    #[inline(always)]
    pub fn accounts<const N: usize>(self) -> Result<&'a mut [AccountView; N], ProgramError> {
        let accounts = self.accounts;
        #[cfg(feature = "without-account-count-check")]
        let accounts = accounts.get_mut(..N).ok_or(WrongNumberOfAccounts)?;
        Ok(accounts.try_into().map_err(|_| WrongNumberOfAccounts)?)
    }
}
