//! The market: which mints are traded, who is registered, and what was counted.

use crate::error::TradingError;
use common::accounts;
use common::codec::U64;
use common::error::require;
use common::registry::User;
use pinocchio::{address::address_eq, AccountView, Address, ProgramResult};

common::account! {
    /// The one market: PDA `["market"]`.
    pub struct Market {
        pub authority: Address,
        pub registry_program: Address,
        pub energy_mint: Address,
        pub grx_mint: Address,
        pub paused: u8,
        /// The number of the next order, from 1.
        pub next_order_number: U64,
        pub event_sequence: U64,
        pub bump: u8,
    }
}

impl Market {
    pub const SEED: &[u8] = b"market";

    #[inline(always)]
    pub fn require_open(&self) -> ProgramResult {
        require(self.paused == 0, TradingError::MarketPaused)
    }

    /// `user` is the registry's record of `wallet`.
    #[inline(always)]
    pub fn require_registered(&self, user: &AccountView, wallet: &Address) -> ProgramResult {
        let error = TradingError::NotRegistered;
        let user = accounts::load::<User, _>(user, &self.registry_program, error)?;
        require(address_eq(&user.wallet, wallet), error)
    }
}
