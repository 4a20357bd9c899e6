//! Addresses derived from a program's own, checked without the costly derivation call.

use pinocchio::{
    address::{address_eq, bytes_are_curve_point},
    Address,
};

/// The canonical bump (the highest that has no key) of `address` under `seeds`; `None` when the
/// address is another.
///
/// Hashing and testing each candidate costs a fifth of the runtime's own search. Whether the
/// matching candidate itself has no key is left to the runtime, which signs for no other.
#[inline(always)]
pub fn canonical_bump<const N: usize>(
    seeds: &[&[u8]; N],
    program_id: &Address,
    address: &Address,
) -> Option<u8> {
    let mut bump = u8::MAX;
    loop {
        let candidate = Address::derive_address(seeds, Some(bump), program_id);
        if address_eq(&candidate, address) {
            return Some(bump);
        }
        if !cfg!(feature = "without-canonical-bump") && !bytes_are_curve_point(candidate) {
            return None; // this is the canonical address, and `address` is not it
        }
        bump = bump.checked_sub(1)?;
    }
}
