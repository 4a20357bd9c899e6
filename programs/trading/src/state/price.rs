//! What a GRX is worth in baht.

use super::terms::MAXIMUM;
use crate::error::TradingError::{ArithmeticOverflow, InvalidRate, StalePrice};
use common::codec::{I64, U64};
use common::error::require;
use common::math;
use pinocchio::{error::ProgramError, ProgramResult};

common::account! {
    /// The oracle's latest rate: PDA `["price"]`.
    pub struct Price {
        pub rate_micro_thb_per_grx: U64,
        pub updated_at: I64,
        pub bump: u8,
    }
}

/// A million baht for a GRX: what is above is a mistake.
const MAXIMUM_RATE: u64 = 1_000_000_000_000;
/// An older rate prices nothing.
const MAXIMUM_AGE_S: i64 = 300;

impl Price {
    pub const SEED: &[u8] = b"price";

    /// The rate can be a price.
    #[inline(always)]
    pub fn require_sane(rate: u64) -> ProgramResult {
        #[cfg(not(feature = "without-minimum-rate"))]
        require(rate != 0, InvalidRate)?;
        #[cfg(not(feature = "without-maximum-rate"))]
        require(rate <= MAXIMUM_RATE, InvalidRate)?;
        Ok(())
    }

    /// What so many GRX are in THBC, rounded up: `⌈µGRX × rate ÷ 10⁶⌉`.
    #[inline(always)]
    pub fn in_thbc(&self, micro_grx: u64, now: i64) -> Result<u64, ProgramError> {
        let age = now.checked_sub(self.updated_at.get()).ok_or(StalePrice)?;
        #[cfg(not(feature = "without-price-age-check"))]
        require(age <= MAXIMUM_AGE_S, StalePrice)?;
        let rate = self.rate_micro_thb_per_grx.get();
        let thbc = math::mul_div_ceil(micro_grx, rate, math::MILLION);
        let thbc = thbc.ok_or(ArithmeticOverflow)?;
        #[cfg(not(feature = "without-maximum-payment"))]
        require(thbc <= MAXIMUM, ArithmeticOverflow)?;
        Ok(thbc)
    }
}
