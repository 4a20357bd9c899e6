//! What orders and offers say: how much energy, at which price, until when; and under which nonce.

use crate::error::TradingError::{
    InvalidAmount, InvalidExpiry, InvalidNonce, InvalidPrice, TooEarly,
};
use common::codec::{I64, U64};
use common::error::require;
use common::math;
use common::time::Now;
use pinocchio::{error::ProgramError, ProgramResult};

/// Orders, fills and what remains of them are whole lots: there is no dust.
pub const LOT_MWH: u64 = 1_000;
/// Numbers stay below 2⁶³: databases and clients in other languages count no further.
pub const MAXIMUM: u64 = i64::MAX as u64;
/// How far a nonce may be from the chain's clock, either way.
const NONCE_WINDOW_MS: u64 = 600_000;

common::layout! {
    /// Arguments of `create_order` and `create_offer`.
    pub struct Terms {
        /// The maker's time, Unix milliseconds.
        pub nonce: U64,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        pub expires_at: I64,
    }
}

impl Terms {
    /// The terms make sense by themselves, now; returns the price of the whole.
    #[inline(always)]
    pub fn validate(&self, now: Now) -> Result<u64, ProgramError> {
        let price = self.price_micro_grx.get();
        let expires_at = self.expires_at.get();
        require_lots(self.amount_mwh.get())?;
        require(price != 0 && price <= MAXIMUM, InvalidPrice)?;
        let total = math::quote(self.amount_mwh.get(), price).ok_or(InvalidPrice)?;
        require(total <= MAXIMUM, InvalidPrice)?;
        require(
            expires_at == 0 || expires_at > now.timestamp(),
            InvalidExpiry,
        )?;
        require_current(&self.nonce, now)?;
        Ok(total)
    }
}

/// The nonce is the time, so near to the chain's that it is not spent.
///
/// A nonce is in an address, at which one entry is made while the nonce is current, and closed only
/// when it is spent: never both, so no address comes back, and nobody has to remember which were
/// used. It fits 63 bits, as the chain's time in milliseconds does.
#[inline(always)]
fn require_current(nonce: &U64, now: Now) -> ProgramResult {
    let distance_ms = nonce.get().abs_diff(now.ms_after(0));
    require(distance_ms <= NONCE_WINDOW_MS, InvalidNonce)
}

/// The nonce is so old that nothing can be made under it any more.
#[inline(always)]
pub fn require_spent(nonce: &U64, now: Now) -> ProgramResult {
    let age_ms = now.ms_after(0).saturating_sub(nonce.get());
    require(age_ms > NONCE_WINDOW_MS, TooEarly)
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
