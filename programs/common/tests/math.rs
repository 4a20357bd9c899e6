//! The arithmetic made of 32-bit halves against the compiler's own 128-bit numbers.

use common::math::{mul, mul_div_ceil, mul_div_floor, quote};

const CASES: usize = 200_000;

/// Numbers at which carries and borrows happen.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    999_999,
    1_000_000,
    1_000_001,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX - 1,
    u64::MAX,
];
const DIVISORS: [u32; 8] = [
    1,
    2,
    3,
    1_000_000,
    3_600_000,
    86_400_000,
    u32::MAX - 1,
    u32::MAX,
];

/// Numbers of every length, the same in each run (SplitMix64, then cut to a random length).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = mixed ^ (mixed >> 31);
        number >> (number & 63)
    }
}

/// Each edge with each other, then random numbers.
fn factors() -> impl Iterator<Item = (u64, u64)> {
    let edges = EDGES
        .iter()
        .flat_map(|a| EDGES.iter().map(move |b| (*a, *b)));
    let mut numbers = Numbers(20_260_115);
    edges.chain((0..CASES).map(move |_| (numbers.next(), numbers.next())))
}

fn fits(number: u128) -> Option<u64> {
    number.try_into().ok()
}

#[test]
fn mul_is_exact_or_refuses() {
    for (a, b) in factors() {
        assert_eq!(mul(a, b), a.checked_mul(b), "{a} × {b}");
    }
}

#[test]
fn mul_div_is_exact_or_refuses() {
    let mut numbers = Numbers(7);
    for (a, b) in factors() {
        let random = (numbers.next() as u32).max(1);
        for divisor in DIVISORS.into_iter().chain([random]) {
            let (product, wide) = (u128::from(a) * u128::from(b), u128::from(divisor));
            let said = (mul_div_floor(a, b, divisor), mul_div_ceil(a, b, divisor));
            let exact = (fits(product / wide), fits(product.div_ceil(wide)));
            assert_eq!(said, exact, "{a} × {b} ÷ {divisor}");
        }
    }
}

#[test]
fn nothing_is_divided_by_zero() {
    for (a, b) in [(0, 0), (1, 1), (u64::MAX, u64::MAX)] {
        assert_eq!(mul_div_floor(a, b, 0), None);
        assert_eq!(mul_div_ceil(a, b, 0), None);
    }
}

#[test]
fn a_quote_rounds_up() {
    assert_eq!(quote(10_000_000, 3_000_000), Some(30_000_000)); // 10 kWh at 3 GRX
    assert_eq!(quote(1, 1), Some(1));
    assert_eq!(quote(1_000_000, 1), Some(1));
    assert_eq!(quote(1_000_001, 1), Some(2));
    assert_eq!(quote(0, u64::MAX), Some(0));
    assert_eq!(quote(u64::MAX, u64::MAX), None);
}

#[test]
fn partial_fills_add_up_to_the_whole() {
    let mut numbers = Numbers(1);
    for _ in 0..CASES {
        let (amount, price) = (numbers.next() >> 24, numbers.next() >> 24);
        let (first, second) = (numbers.next() % (amount + 1), numbers.next() % (amount + 1));
        let (low, high) = (first.min(second), first.max(second));
        let quoted = [0, low, high, amount].map(|filled| quote(filled, price).unwrap());
        let paid: u64 = quoted.windows(2).map(|pair| pair[1] - pair[0]).sum();
        assert_eq!(Some(paid), quote(amount, price));
    }
}
