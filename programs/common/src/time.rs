//! The chain's clock.

use pinocchio::{
    error::ProgramError,
    sysvars::{clock::Clock, Sysvar},
};

/// Milliseconds in an hour, and in a day.
pub const HOUR_MS: u32 = 3_600_000;
pub const DAY_MS: u32 = 86_400_000;
/// Seconds in a day.
pub const DAY_S: u64 = 86_400;

/// The chain's time.
#[derive(Clone, Copy)]
pub struct Now {
    seconds: u64,
}

impl Now {
    /// Reads the clock; a time before 1970 counts as 1970.
    #[inline(always)]
    pub fn get() -> Result<Self, ProgramError> {
        let seconds = u64::try_from(Clock::get()?.unix_timestamp).unwrap_or(0);
        Ok(Self { seconds })
    }

    /// Unix seconds, as events and accounts hold them.
    #[inline(always)]
    pub fn timestamp(self) -> i64 {
        self.seconds as i64
    }

    /// Days since 1970.
    #[inline(always)]
    pub fn day(self) -> u32 {
        (self.seconds / DAY_S) as u32
    }

    /// Unix milliseconds, later by some seconds (earlier when negative), never before 1970.
    #[inline(always)]
    pub fn ms_after(self, seconds: i64) -> u64 {
        // Below 2⁵³, a product with 1,000 fits; the clock passes that in 285 million years.
        let seconds = self.seconds.saturating_add_signed(seconds).min(1 << 53);
        seconds.wrapping_mul(1_000)
    }
}
