//! Who attests what happened on the bridge's chain, and which bridge that is.

use super::terms::MAXIMUM;
use super::trader::NONE;
use crate::error::TradingError::InvalidGuardians;
use common::codec::U64;
use common::error::require;
use pinocchio::{address::address_eq, Address, ProgramResult};

pub const MAXIMUM_GUARDIANS: usize = 9;

common::layout! {
    /// A set of guardians and their bridge: the arguments of `set_guardians`.
    pub struct GuardianSet {
        /// How many must sign.
        pub threshold: u8,
        pub count: u8,
        /// Ed25519 keys; those after `count` are zero.
        pub guardians: [Address; MAXIMUM_GUARDIANS],
        pub evm_chain_id: U64,
        /// Address of the bridge's contract.
        pub bridge: [u8; 20],
    }
}

common::account! {
    /// The set in office: PDA `["guardians"]`.
    pub struct Guardians {
        /// Rises by one with each set; an attestation names the one in office when it is used.
        pub epoch: U64,
        /// How many must sign.
        pub threshold: u8,
        pub count: u8,
        /// Ed25519 keys; those after `count` are zero.
        pub guardians: [Address; MAXIMUM_GUARDIANS],
        pub evm_chain_id: U64,
        /// Address of the bridge's contract.
        pub bridge: [u8; 20],
        pub bump: u8,
    }
}

impl Guardians {
    pub const SEED: &[u8] = b"guardians";

    /// The guardians in their order.
    #[inline(always)]
    pub fn in_office(&self) -> &[Address] {
        self.guardians
            .get(..self.count as usize)
            .unwrap_or(&self.guardians)
    }
}

impl GuardianSet {
    /// More than half must sign, so that no two groups can attest opposite things without one
    /// guardian in both; all are different, so that none counts twice.
    #[inline(always)]
    pub fn validate(&self) -> ProgramResult {
        let (threshold, count) = (self.threshold as u32, self.count as u32);
        #[cfg(not(feature = "without-maximum-guardians"))]
        require(count as usize <= MAXIMUM_GUARDIANS, InvalidGuardians)?;
        #[cfg(not(feature = "without-reachable-threshold"))]
        require(threshold <= count, InvalidGuardians)?;
        #[cfg(not(feature = "without-guardian-majority"))]
        require(2 * threshold > count, InvalidGuardians)?;
        let (used, unused) = self.guardians.split_at(count as usize);
        for (place, guardian) in used.iter().enumerate() {
            let earlier = used[..place].iter();
            let is_new = earlier.fold(true, |new, other| new & !address_eq(other, guardian));
            #[cfg(not(feature = "without-distinct-guardians"))]
            require(is_new, InvalidGuardians)?;
            #[cfg(not(feature = "without-guardian-key-check"))]
            require(!address_eq(guardian, &NONE), InvalidGuardians)?;
        }
        let is_empty = |guardian| address_eq(guardian, &NONE);
        #[cfg(not(feature = "without-unused-guardian-check"))]
        require(unused.iter().all(is_empty), InvalidGuardians)?;
        let chain = self.evm_chain_id.get();
        #[cfg(not(feature = "without-chain-id-check"))]
        require(chain != 0, InvalidGuardians)?;
        #[cfg(not(feature = "without-maximum-chain-id"))]
        require(chain <= MAXIMUM, InvalidGuardians)?;
        #[cfg(not(feature = "without-bridge-address-check"))]
        require(self.bridge != [0; 20], InvalidGuardians)?;
        Ok(())
    }
}
