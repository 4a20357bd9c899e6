//! What orders and offers say: how much energy, at which price, until when.

use crate::error::TradingError::{InvalidAmount, InvalidExpiry, InvalidNonce, InvalidPrice};
use common::codec::{I64, U64};
use common::error::require;
use common::math;
use pinocchio::{error::ProgramError, ProgramResult};

/// Orders, fills and what remains of them are whole lots: there is no dust.
pub const LOT_MWH: u64 = 1_000;
/// Numbers stay below 2⁶³: databases and clients in other languages count no further.
pub const MAXIMUM: u64 = i64::MAX as u64;

common::layout! {
    /// Arguments of `create_order` and `create_offer`.
    pub struct Terms {
        pub nonce: U64,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        pub expires_at: I64,
    }
}

impl Terms {
    /// The terms make sense by themselves, now; returns the price of the whole.
    #[inline(always)]
    pub fn validate(&self, now: i64) -> Result<u64, ProgramError> {
        let price = self.price_micro_grx.get();
        let expires_at = self.expires_at.get();
        require_lots(self.amount_mwh.get())?;
        require(price != 0 && price <= MAXIMUM, InvalidPrice)?;
        let total = math::quote(self.amount_mwh.get(), price).ok_or(InvalidPrice)?;
        require(total <= MAXIMUM, InvalidPrice)?;
        require(expires_at == 0 || expires_at > now, InvalidExpiry)?;
        require(self.nonce.get() <= MAXIMUM, InvalidNonce)?;
        Ok(total)
    }
}

/// A positive number of whole lots.
#[inline(always)]
pub fn require_lots(amount_mwh: u64) -> ProgramResult {
    require(
        amount_mwh != 0 && amount_mwh <= MAXIMUM && amount_mwh.is_multiple_of(LOT_MWH),
        InvalidAmount,
    )
}

/// The time of expiry, where there is one, has come.
#[inline(always)]
pub fn has_expired(expires_at: &I64, now: i64) -> bool {
    expires_at.get() != 0 && now >= expires_at.get()
}
