//! An offer of energy for sale.

use crate::error::TradingError;
use common::codec::{I64, U64};
use common::error::require;
use common::math;
use pinocchio::{error::ProgramError, Address, ProgramResult};

/// Orders, fills and what remains of them are whole lots: there is no dust.
pub const LOT_MWH: u64 = 1_000;
/// Numbers stay below 2⁶³: databases and clients in other languages count no further.
pub const MAXIMUM: u64 = i64::MAX as u64;

/// The states that this program's instructions reach; the number is the borsh encoding, of which
/// the IDL names all.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderStatus {
    Active = 1,
    Filled = 3,
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
        pub price_micro_grx: U64,
        pub status: u8,
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

impl Order {
    pub const SEED: &[u8] = b"order";
    pub const ESCROW_SEED: &[u8] = b"escrow";

    /// The order can be traded at this time.
    #[inline(always)]
    pub fn require_open(&self, timestamp: i64) -> ProgramResult {
        require(self.entered == 0, TradingError::ReentrancyDetected)?;
        let expires_at = self.expires_at.get();
        require(
            self.status == OrderStatus::Active as u8 && (expires_at == 0 || timestamp < expires_at),
            TradingError::InvalidOrder,
        )
    }

    /// Takes `amount_mwh` out of what is neither filled nor reserved. Returns what it costs: the
    /// price of all that is filled after, less that of all before, so that parts add up exactly.
    #[inline(always)]
    pub fn fill(&mut self, amount_mwh: u64) -> Result<u64, ProgramError> {
        let overflow = TradingError::ArithmeticOverflow;
        let before = self.filled_mwh.get();
        let after = before.checked_add(amount_mwh).ok_or(overflow)?;
        let taken = after.checked_add(self.reserved_mwh.get()).ok_or(overflow)?;
        require(taken <= self.amount_mwh.get(), TradingError::AmountMismatch)?;
        let price = self.price_micro_grx.get();
        let payment = math::quote(after, price)
            .zip(math::quote(before, price))
            .and_then(|(after, before)| after.checked_sub(before))
            .ok_or(overflow)?;
        self.filled_mwh.set(after);
        if after == self.amount_mwh.get() {
            self.status = OrderStatus::Filled as u8;
        }
        Ok(payment)
    }
}

/// A positive number of whole lots.
#[inline(always)]
pub fn require_lots(amount_mwh: u64) -> ProgramResult {
    require(
        amount_mwh != 0 && amount_mwh <= MAXIMUM && amount_mwh.is_multiple_of(LOT_MWH),
        TradingError::InvalidAmount,
    )
}
