//! The one configuration.

use common::{
    account,
    codec::{U32, U64},
};
use pinocchio::Address;

account! {
    /// PDA `["config"]`; also the authority of both mints.
    pub struct Config {
        pub authority: Address,
        /// Who may mint GRX, up to the cap.
        pub treasury: Address,
        pub registry_program: Address,
        pub deployment: [u8; 4],
        pub settlement_interval_s: U32,
        pub energy_mint: Address,
        pub grx_mint: Address,
        pub grx_cap: U64,
        pub grx_minted: U64,
        pub event_sequence: U64,
        pub bump: u8,
    }
}
