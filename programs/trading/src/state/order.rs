//! Energy for sale.

use super::entry::{require_not_entered, Entry};
use super::listing::{Ending, Listing};
use super::terms::has_expired;
use crate::error::TradingError::{AmountMismatch, ArithmeticOverflow, InvalidOrder};
use common::codec::{I64, U64};
use common::error::require;
use common::math;
use pinocchio::{error::ProgramError, Address, ProgramResult};

/// The state of an order or offer that this program's instructions reach; the number is the borsh
/// encoding, of which the IDL names all.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderStatus {
    Active = 1,
    /// All that is left is reserved.
    Matching = 2,
    Filled = 3,
    Cancelled = 4,
    Expired = 5,
}

common::account! {
    /// PDA `["order", seller, nonce]`; its energy lies in the token account `["escrow", order]`.
    pub struct Order {
        pub number: U64,
        pub seller: Address,
        pub nonce: U64,
        pub amount_mwh: U64,
        pub filled_mwh: U64,
        pub reserved_mwh: U64,
        /// Given back to the seller: nothing before the order is cancelled or has expired.
        pub returned_mwh: U64,
        pub price_micro_grx: U64,
        /// What the filled and the reserved parts cost.
        pub paid_micro_grx: U64,
        pub reserved_micro_grx: U64,
        pub status: u8,
        /// How it was taken off sale; the status follows when nothing is reserved any more.
        pub ending: u8,
        pub created_at: I64,
        /// Zero: never.
        pub expires_at: I64,
        pub rent_payer: Address,
        /// A trade of this order is under way.
        pub entered: u8,
        pub escrow_bump: u8,
        pub bump: u8,
    }
}

impl Entry for Order {
    const SEED: &'static [u8] = b"order";

    #[inline(always)]
    fn owner(&self) -> (&Address, &U64) {
        (&self.seller, &self.nonce)
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

impl Listing for Order {
    const HOLDS_ENERGY: bool = true;

    #[inline(always)]
    fn price_micro_grx(&self) -> U64 {
        self.price_micro_grx
    }

    #[inline(always)]
    fn expires_at(&self) -> &I64 {
        &self.expires_at
    }

    /// The order can be traded at this time.
    #[inline(always)]
    fn require_open(&self, now: i64) -> ProgramResult {
        require_not_entered(self.entered)?;
        #[cfg(not(feature = "without-order-status-check"))]
        require(self.status == OrderStatus::Active as u8, InvalidOrder)?;
        #[cfg(not(feature = "without-order-expiry-check"))]
        require(!has_expired(&self.expires_at, now), InvalidOrder)?;
        Ok(())
    }

    /// Nothing is for sale or reserved any more.
    #[inline(always)]
    fn require_over(&self) -> ProgramResult {
        require_not_entered(self.entered)?;
        #[cfg(not(feature = "without-order-over-check"))]
        require(self.status >= OrderStatus::Filled as u8, InvalidOrder)?;
        #[cfg(not(feature = "without-reserved-check"))]
        require(self.reserved_mwh.get() == 0, InvalidOrder)?;
        Ok(())
    }

    /// Sells `amount_mwh` of an open order; returns what it costs.
    #[inline(always)]
    fn fill(&mut self, amount_mwh: u64) -> Result<u64, ProgramError> {
        let payment = self.price_part(amount_mwh)?;
        add(&mut self.filled_mwh, amount_mwh)?;
        add(&mut self.paid_micro_grx, payment)?;
        self.update_status()?;
        Ok(payment)
    }

    /// Takes what is left off sale, for good; returns what goes back to the seller. What is
    /// reserved stays until it is paid or released.
    #[inline(always)]
    fn end(&mut self, ending: Ending) -> Result<u64, ProgramError> {
        require_not_entered(self.entered)?;
        let is_alive =
            self.status == OrderStatus::Active as u8 || self.status == OrderStatus::Matching as u8;
        #[cfg(not(feature = "without-order-alive-check"))]
        require(is_alive, InvalidOrder)?;
        #[cfg(not(feature = "without-single-ending"))]
        require(self.ending == 0, InvalidOrder)?;
        let taken = self.taken().ok_or(ArithmeticOverflow)?;
        let left = self.amount_mwh.get().checked_sub(taken);
        let left = left.ok_or(ArithmeticOverflow)?;
        self.ending = ending as u8;
        self.returned_mwh.set(left);
        self.update_status()?;
        Ok(left)
    }

    #[inline(always)]
    fn set_entered(&mut self, entered: bool) {
        self.entered = entered as u8;
    }
}

impl Order {
    /// Sets `amount_mwh` of an open order apart; returns what it costs.
    #[inline(always)]
    pub fn reserve(&mut self, amount_mwh: u64) -> Result<u64, ProgramError> {
        let payment = self.price_part(amount_mwh)?;
        add(&mut self.reserved_mwh, amount_mwh)?;
        add(&mut self.reserved_micro_grx, payment)?;
        self.update_status()?;
        Ok(payment)
    }

    /// Sells a part that was set apart, for what was fixed then.
    #[inline(always)]
    pub fn fill_reserved(&mut self, amount_mwh: u64, payment: u64) -> ProgramResult {
        require_not_entered(self.entered)?;
        take(&mut self.reserved_mwh, amount_mwh)?;
        take(&mut self.reserved_micro_grx, payment)?;
        add(&mut self.filled_mwh, amount_mwh)?;
        add(&mut self.paid_micro_grx, payment)?;
        self.update_status()
    }

    /// Gives up a part that was set apart. It is for sale again, unless the order is cancelled or
    /// has expired; returns what goes back to the seller.
    #[inline(always)]
    pub fn release(&mut self, amount_mwh: u64, payment: u64) -> Result<u64, ProgramError> {
        require_not_entered(self.entered)?;
        take(&mut self.reserved_mwh, amount_mwh)?;
        take(&mut self.reserved_micro_grx, payment)?;
        let returned = if self.ending == 0 { 0 } else { amount_mwh };
        add(&mut self.returned_mwh, returned)?;
        self.update_status()?;
        Ok(returned)
    }

    /// What a part of what is left costs: the price of all that is sold and reserved with it,
    /// less what the others pay, so that the parts of a whole order add up to its price however
    /// it is cut. Never less than nothing: once parts were released, those that stay may have
    /// been rounded up more often than their sum is.
    #[inline(always)]
    fn price_part(&self, amount_mwh: u64) -> Result<u64, ProgramError> {
        let taken = self.taken().and_then(|taken| taken.checked_add(amount_mwh));
        let taken = taken.ok_or(ArithmeticOverflow)?;
        #[cfg(not(feature = "without-order-amount-check"))]
        require(taken <= self.amount_mwh.get(), AmountMismatch)?;
        let whole = math::quote(taken, self.price_micro_grx.get()).ok_or(ArithmeticOverflow)?;
        let others = self.paid_micro_grx.get();
        let others = others.checked_add(self.reserved_micro_grx.get());
        Ok(whole.saturating_sub(others.ok_or(ArithmeticOverflow)?))
    }

    /// What is not for sale any more.
    #[inline(always)]
    fn taken(&self) -> Option<u64> {
        let filled = self.filled_mwh.get();
        let taken = filled.checked_add(self.reserved_mwh.get())?;
        taken.checked_add(self.returned_mwh.get())
    }

    #[inline(always)]
    fn update_status(&mut self) -> ProgramResult {
        let taken = self.taken().ok_or(ArithmeticOverflow)?;
        self.status = if self.filled_mwh == self.amount_mwh {
            OrderStatus::Filled as u8
        } else if taken < self.amount_mwh.get() {
            OrderStatus::Active as u8
        } else if self.reserved_mwh.get() != 0 {
            OrderStatus::Matching as u8
        } else if self.ending == Ending::Cancelled as u8 {
            OrderStatus::Cancelled as u8
        } else {
            OrderStatus::Expired as u8
        };
        Ok(())
    }
}

#[inline(always)]
fn add(number: &mut U64, more: u64) -> ProgramResult {
    number.set(number.get().checked_add(more).ok_or(ArithmeticOverflow)?);
    Ok(())
}

#[inline(always)]
fn take(number: &mut U64, less: u64) -> ProgramResult {
    number.set(number.get().checked_sub(less).ok_or(ArithmeticOverflow)?);
    Ok(())
}
