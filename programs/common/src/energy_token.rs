//! Accounts of the energy-token program, as the other programs read them.

use crate::account;
use crate::codec::U64;

account! {
    /// A meter's registers as last settled, and what they minted: PDA `["ledger", meter id]`.
    pub struct Ledger {
        pub meter_id: [u8; 16],
        pub last_sequence: U64,
        pub last_time_ms: U64,
        pub produced_mwh: U64,
        pub consumed_mwh: U64,
        pub surplus_mwh: U64,
        pub minted_mwh: U64,
        pub redeemed_mwh: U64,
        /// Production that would still be believed now; time fills it up again.
        pub daily_allowance_mwh: U64,
        pub bump: u8,
        /// What was consumed beyond what the meter's own production covered at the time.
        pub deficit_mwh: U64,
        /// Of the reading with which the last replaced register started; 0 before the first.
        pub rebase_sequence: U64,
    }
}
