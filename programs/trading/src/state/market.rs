//! The market: which mints are traded, who is registered, who does what, and what was counted.

use crate::error::TradingError;
use common::accounts;
use common::codec::U64;
use common::error::require;
use common::registry::User;
use pinocchio::{address::address_eq, error::ProgramError, AccountView, Address, ProgramResult};

common::account! {
    /// The one market: PDA `["market"]`.
    pub struct Market {
        /// Appoints the others, sets the guardians, pauses and resumes.
        pub authority: Address,
        /// Reserves orders, and pays their sellers in GRX.
        pub treasury: Address,
        /// Posts the price of a GRX in baht.
        pub oracle: Address,
        /// May pause, but not resume.
        pub pauser: Address,
        pub registry_program: Address,
        pub energy_mint: Address,
        pub grx_mint: Address,
        /// As in the registry's configuration.
        pub deployment: [u8; 4],
        pub paused: u8,
        /// The numbers of the next order and offer, from 1.
        pub next_order_number: U64,
        pub next_offer_number: U64,
        pub event_sequence: U64,
        pub bump: u8,
    }
}

/// Who may do what; the number is the borsh encoding.
#[derive(Clone, Copy)]
pub enum Role {
    Authority,
    Treasury,
    Oracle,
    Pauser,
}

impl Role {
    #[inline(always)]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Authority),
            1 => Some(Self::Treasury),
            2 => Some(Self::Oracle),
            3 => Some(Self::Pauser),
            _ => None,
        }
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
        #[cfg(not(feature = "without-user-wallet-check"))]
        require(address_eq(&user.wallet, wallet), error)?;
        Ok(())
    }

    /// The key that holds a role.
    #[inline(always)]
    pub fn holder(&mut self, role: Role) -> &mut Address {
        match role {
            Role::Authority => &mut self.authority,
            Role::Treasury => &mut self.treasury,
            Role::Oracle => &mut self.oracle,
            Role::Pauser => &mut self.pauser,
        }
    }

    /// Counts an event; returns its number.
    #[inline(always)]
    pub fn next_event(&mut self) -> Result<U64, ProgramError> {
        let next = self.event_sequence.increment();
        next.ok_or(TradingError::ArithmeticOverflow)?;
        Ok(self.event_sequence)
    }
}
