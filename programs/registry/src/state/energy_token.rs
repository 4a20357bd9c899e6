//! The program that keeps the meters' ledgers.

use common::account;
use pinocchio::Address;

account! {
    /// Where the energy-token program is, told once: PDA `["energy_token"]`.
    pub struct EnergyToken {
        pub program: Address,
        pub bump: u8,
    }
}
