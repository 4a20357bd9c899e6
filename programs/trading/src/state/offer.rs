//! Energy wanted.

use super::entry::{require_not_entered, Entry};
use super::listing::{Ending, Listing};
use super::order::OrderStatus;
use super::terms::has_expired;
use crate::error::TradingError::{AmountMismatch, ArithmeticOverflow, InvalidOrder};
use common::codec::{I64, U64};
use common::error::require;
use common::math;
use pinocchio::{error::ProgramError, Address, ProgramResult};

common::account! {
    /// PDA `["offer", buyer, nonce]`; its GRX lie in the token account `["escrow", offer]`.
    pub struct Offer {
        pub number: U64,
        pub buyer: Address,
        pub nonce: U64,
        pub amount_mwh: U64,
        pub filled_mwh: U64,
        pub price_micro_grx: U64,
        pub status: u8,
        pub created_at: I64,
        /// Zero: never.
        pub expires_at: I64,
        pub rent_payer: Address,
        /// A trade of this offer is under way.
        pub entered: u8,
        pub escrow_bump: u8,
        pub bump: u8,
    }
}

impl Entry for Offer {
    const SEED: &'static [u8] = b"offer";

    #[inline(always)]
    fn owner(&self) -> (&Address, &U64) {
        (&self.buyer, &self.nonce)
    }

    #[inline(always)]
    fn bumps(&self) -> (u8, u8) {
        (self.bump, self.escrow_bump)
    }

    #[inline(always)]
    fn rent_payer(&self) -> &Address {
        &self.rent_payer
    }
}

impl Listing for Offer {
    const HOLDS_ENERGY: bool = false;

    #[inline(always)]
    fn price_micro_grx(&self) -> U64 {
        self.price_micro_grx
    }

    #[inline(always)]
    fn expires_at(&self) -> &I64 {
        &self.expires_at
    }

    /// The offer can be accepted at this time.
    #[inline(always)]
    fn require_open(&self, now: i64) -> ProgramResult {
        self.require_active()?;
        #[cfg(not(feature = "without-offer-expiry-check"))]
        require(!has_expired(&self.expires_at, now), InvalidOrder)?;
        Ok(())
    }

    /// Nothing is wanted any more.
    #[inline(always)]
    fn require_over(&self) -> ProgramResult {
        require_not_entered(self.entered)?;
        #[cfg(not(feature = "without-offer-over-check"))]
        require(self.status >= OrderStatus::Filled as u8, InvalidOrder)?;
        Ok(())
    }

    /// Buys `amount_mwh`. Returns what it costs: the price of all that is filled after, less that
    /// of all before, so that parts add up exactly.
    #[inline(always)]
    fn fill(&mut self, amount_mwh: u64) -> Result<u64, ProgramError> {
        let before = self.filled_mwh.get();
        let after = before.checked_add(amount_mwh).ok_or(ArithmeticOverflow)?;
        #[cfg(not(feature = "without-offer-amount-check"))]
        require(after <= self.amount_mwh.get(), AmountMismatch)?;
        let payment = self.price_between(before, after)?;
        self.filled_mwh.set(after);
        if after == self.amount_mwh.get() {
            self.status = OrderStatus::Filled as u8;
        }
        Ok(payment)
    }

    /// Takes back what is left, for good; returns the GRX that go back to the buyer.
    #[inline(always)]
    fn end(&mut self, ending: Ending) -> Result<u64, ProgramError> {
        self.require_active()?;
        self.status = match ending {
            Ending::Cancelled => OrderStatus::Cancelled as u8,
            Ending::Expired => OrderStatus::Expired as u8,
        };
        self.price_between(self.filled_mwh.get(), self.amount_mwh.get())
    }

    #[inline(always)]
    fn set_entered(&mut self, entered: bool) {
        self.entered = entered as u8;
    }
}

impl Offer {
    #[inline(always)]
    fn require_active(&self) -> ProgramResult {
        require_not_entered(self.entered)?;
        #[cfg(not(feature = "without-offer-status-check"))]
        require(self.status == OrderStatus::Active as u8, InvalidOrder)?;
        Ok(())
    }

    #[inline(always)]
    fn price_between(&self, before_mwh: u64, after_mwh: u64) -> Result<u64, ProgramError> {
        let price = self.price_micro_grx.get();
        let payment = math::quote(after_mwh, price)
            .zip(math::quote(before_mwh, price))
            .and_then(|(after, before)| after.checked_sub(before));
        Ok(payment.ok_or(ArithmeticOverflow)?)
    }
}
