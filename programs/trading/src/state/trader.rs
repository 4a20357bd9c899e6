//! A seller's last nonce.

use common::codec::U64;
use pinocchio::Address;

common::account! {
    /// PDA `["trader", wallet]`. Nonces only rise, so that no order's address is used twice.
    pub struct Trader {
        pub wallet: Address,
        pub last_nonce: U64,
        pub bump: u8,
    }
}

impl Trader {
    pub const SEED: &[u8] = b"trader";
}
