//! How much production a meter's limits let a ledger believe.

use common::{
    math::mul_div_floor,
    time::{DAY_MS, HOUR_MS},
};

/// A meter's registers step by up to 10 Wh.
pub const REGISTER_TICK_MWH: u64 = 10_000;

/// A limit with 10 % of tolerance.
#[inline(always)]
fn tolerant(limit: u64) -> u64 {
    limit.saturating_add(limit / 10)
}

/// The most energy that `limit_mw` allows in a time, with 10 % and one register tick of tolerance.
#[inline(always)]
pub fn energy_limit(limit_mw: u64, elapsed_ms: u64) -> u64 {
    // What does not fit into 64 bits limits nothing.
    let energy = mul_div_floor(limit_mw, elapsed_ms, HOUR_MS).unwrap_or(u64::MAX);
    tolerant(energy).saturating_add(REGISTER_TICK_MWH)
}

/// Production believed when nothing was produced for a day: the daily limit with its tolerance.
///
/// The tolerance is part of the allowance and not granted anew with each settlement: settled every
/// quarter-hour, 10 % of a day each time would add up to ten days' worth in a day.
#[inline(always)]
pub fn full_allowance(daily_limit_mwh: u64) -> u64 {
    tolerant(daily_limit_mwh).saturating_add(REGISTER_TICK_MWH)
}

/// Allowance after a time: it fills at the daily limit's rate, up to what that limit allows in a
/// day or, when the time is longer, in that time.
#[inline(always)]
pub fn refilled_allowance(allowance_mwh: u64, daily_limit_mwh: u64, elapsed_ms: u64) -> u64 {
    let daily = tolerant(daily_limit_mwh);
    let refill = mul_div_floor(daily, elapsed_ms, DAY_MS).unwrap_or(u64::MAX);
    let capacity = daily.max(refill).saturating_add(REGISTER_TICK_MWH);
    let refilled = allowance_mwh.saturating_add(refill);
    if cfg!(feature = "without-allowance-capacity") {
        return refilled;
    }
    refilled.min(capacity)
}
