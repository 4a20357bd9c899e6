//! Exact arithmetic. The BPF backend has no 128-bit product, so products are made of 32-bit halves.

/// mWh in a kWh, and millionths in a GRX.
pub const MILLION: u32 = 1_000_000;

const LOW: u64 = 0xffff_ffff;

/// `a × b` as high and low 64 bits.
#[inline(always)]
const fn wide_product(a: u64, b: u64) -> (u64, u64) {
    let (a_high, a_low) = (a >> 32, a & LOW);
    let (b_high, b_low) = (b >> 32, b & LOW);
    // A product of halves is at most 2⁶⁴ − 2³³ + 1: there is room for two carries of 32 bits.
    let low = a_low.wrapping_mul(b_low);
    let middle = a_high.wrapping_mul(b_low).wrapping_add(low >> 32);
    let middle_too = a_low.wrapping_mul(b_high).wrapping_add(middle & LOW);
    let high = a_high
        .wrapping_mul(b_high)
        .wrapping_add(middle >> 32)
        .wrapping_add(middle_too >> 32);
    (high, (middle_too << 32) | (low & LOW))
}

/// `a × b`; `None` when it does not fit.
#[inline(always)]
pub const fn mul(a: u64, b: u64) -> Option<u64> {
    match wide_product(a, b) {
        (0, low) => Some(low),
        _ => None,
    }
}

/// Quotient and remainder of `a × b ÷ divisor`; `None` when it does not fit or divides by zero.
#[inline(always)]
const fn mul_div(a: u64, b: u64, divisor: u32) -> Option<(u64, u64)> {
    let divisor = divisor as u64;
    let (high, low) = wide_product(a, b);
    // `high < divisor` is the same as a quotient below 2⁶⁴; it also refuses a divisor of zero.
    if high >= divisor {
        return None;
    }
    // Long division in digits of 32 bits; each partial dividend is below divisor × 2³².
    let upper = (high << 32) | (low >> 32);
    let lower = ((upper % divisor) << 32) | (low & LOW);
    Some((
        ((upper / divisor) << 32) | (lower / divisor),
        lower % divisor,
    ))
}

/// `⌊a × b ÷ divisor⌋`; `None` when it does not fit or divides by zero.
#[inline(always)]
pub const fn mul_div_floor(a: u64, b: u64, divisor: u32) -> Option<u64> {
    match mul_div(a, b, divisor) {
        Some((quotient, _)) => Some(quotient),
        None => None,
    }
}

/// `⌈a × b ÷ divisor⌉`; `None` when it does not fit or divides by zero.
#[inline(always)]
pub const fn mul_div_ceil(a: u64, b: u64, divisor: u32) -> Option<u64> {
    match mul_div(a, b, divisor) {
        Some((quotient, 0)) => Some(quotient),
        Some((quotient, _)) => quotient.checked_add(1),
        None => None,
    }
}

/// What `amount_mwh` cost at a price in µGRX per kWh: `⌈amount × price ÷ 10⁶⌉` µGRX.
#[inline(always)]
pub const fn quote(amount_mwh: u64, price_micro_grx: u64) -> Option<u64> {
    mul_div_ceil(amount_mwh, price_micro_grx, MILLION)
}
