//! The one configuration.

use common::{
    account,
    authority::Governed,
    codec::{U32, U64},
};
use pinocchio::Address;

/// Whom `set_authority` appoints; the number is the borsh encoding.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Role {
    Authority,
    Treasury,
}

impl Role {
    #[inline(always)]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Authority),
            1 => Some(Self::Treasury),
            _ => cfg!(feature = "without-role").then_some(Self::Treasury),
        }
    }
}

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

impl Governed for Config {
    #[inline(always)]
    fn authority(&self) -> &Address {
        &self.authority
    }
}
