//! The signed reading, format version 1: 120 bytes at fixed offsets.

use crate::codec::{as_bytes, U32, U64};
use crate::layout;
use pinocchio::Address;

pub const RECORD_SIZE: usize = 120;
/// Readings are of format version 1.
pub const MAGIC: [u8; 4] = *b"GTX1";

/// Clock status in the two lowest bits: synchronised.
pub const CLOCK_SYNCHRONISED: u32 = 3;
const CLOCK_MASK: u32 = 3;
pub const SETTLEMENT: u32 = 1 << 2;
pub const GAP: u32 = 1 << 3;
pub const METER_FAULT: u32 = 1 << 4;
pub const REGISTER_REPLACED: u32 = 1 << 5;
pub const TAMPER: u32 = 1 << 6;
const KNOWN_FLAGS: u32 = (1 << 7) - 1;

layout! {
    /// A reading in the very bytes that the device signed.
    pub struct Record {
        pub magic: [u8; 4],
        pub deployment: [u8; 4],
        pub meter_id: [u8; 16],
        pub sequence: U64,
        pub time_ms: U64,
        pub produced_mwh: U64,
        pub consumed_mwh: U64,
        pub surplus_mwh: U64,
        /// Power, voltage, current and frequency: zero in what goes on chain, which carries no
        /// load profile.
        pub telemetry: [u8; 20],
        pub flags: U32,
        pub previous_hash: [u8; 32],
    }
}
const _: () = assert!(core::mem::size_of::<Record>() == RECORD_SIZE);

impl Record {
    /// No flag is set that this format does not know.
    #[inline(always)]
    pub fn has_known_flags_only(&self) -> bool {
        self.flags.get() & !KNOWN_FLAGS == 0
    }

    /// The device's clock was synchronised.
    #[inline(always)]
    pub fn is_synchronised(&self) -> bool {
        self.flags.get() & CLOCK_MASK == CLOCK_SYNCHRONISED
    }

    /// Any of these flags is set.
    #[inline(always)]
    pub fn has(&self, flags: u32) -> bool {
        self.flags.get() & flags != 0
    }

    /// Nothing but registers is told.
    #[inline(always)]
    pub fn has_no_telemetry(&self) -> bool {
        self.telemetry == [0; 20]
    }

    /// Every number is below 2⁶³: databases and clients in other languages count no further.
    #[inline(always)]
    pub fn is_in_range(&self) -> bool {
        let bits = self.sequence.get()
            | self.time_ms.get()
            | self.produced_mwh.get()
            | self.consumed_mwh.get()
            | self.surplus_mwh.get();
        bits >> 63 == 0
    }

    /// SHA-256 of the record, to which the next one refers.
    #[inline(always)]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[as_bytes(self)])
    }
}

/// First four bytes of SHA-256(genesis hash ‖ registry program).
#[inline(always)]
pub fn deployment_id(genesis_hash: &[u8; 32], registry_program: &Address) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[genesis_hash, registry_program.as_array()]);
    [a, b, c, d]
}

/// SHA-256 of the parts, one after the other.
#[inline(always)]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    #[cfg(target_os = "solana")]
    {
        let mut hash = [0; 32];
        // SAFETY: the runtime reads `parts` as pairs of pointer and length, as slices are laid
        // out on this target, and writes 32 bytes.
        unsafe {
            pinocchio::syscalls::sol_sha256(
                parts.as_ptr().cast(),
                parts.len() as u64,
                hash.as_mut_ptr(),
            )
        };
        hash
    }
    #[cfg(not(target_os = "solana"))]
    {
        parts
            .iter()
            .fold(sha2_const_stable::Sha256::new(), |hash, part| {
                hash.update(part)
            })
            .finalize()
    }
}
