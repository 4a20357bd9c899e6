//! Events, told by a program to itself: logs are cut at 10 kB, an inner instruction never is.
//!
//! The layout is that of Anchor's `emit_cpi!`, so that Anchor's clients can read it.

use crate::accounts;
use crate::codec::{self, Event, Plain};
use crate::error::require;
use pinocchio::{
    address::address_eq,
    cpi::{invoke_signed, Seed, Signer},
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
    AccountView, Address, ProgramResult,
};

/// First eight bytes of an instruction that carries an event.
pub const EVENT_TAG: u64 = 0x1d9a_cb51_2ea5_45e4;
const SEED: &[u8] = b"__event_authority";

/// An event as it travels.
#[repr(C)]
struct Envelope<E> {
    tag: [u8; 8],
    discriminator: [u8; 8],
    event: E,
}
// SAFETY: `repr(C)` around `Plain` fields alone.
unsafe impl<E: Plain> Plain for Envelope<E> {}

/// The right to emit a program's events.
pub struct EventSink<'a> {
    program_id: &'a Address,
    authority: &'a AccountView,
    bump: u8,
}

impl<'a> EventSink<'a> {
    /// Checks the two accounts that end the account list of an instruction with events.
    ///
    /// `likely_bump` is the event authority's bump under the address in the program's IDL; under
    /// another address it is searched for, at about 150 compute units a step.
    #[inline(always)]
    pub fn new<E: Into<ProgramError> + Copy>(
        program_id: &'a Address,
        [authority, program]: [&'a AccountView; 2],
        likely_bump: u8,
        error: E,
    ) -> Result<Self, ProgramError> {
        #[cfg(not(feature = "without-event-program"))]
        accounts::is(program, program_id, error)?;
        let bump = authority_bump(program_id, authority.address(), likely_bump);
        Ok(Self {
            program_id,
            authority,
            bump: bump
                .or(cfg!(feature = "without-event-authority").then_some(likely_bump))
                .ok_or(error.into())?,
        })
    }

    /// Emits one event.
    #[inline(always)]
    pub fn emit<E: Event>(&self, event: E) -> ProgramResult {
        let envelope = Envelope {
            tag: EVENT_TAG.to_le_bytes(),
            discriminator: E::DISCRIMINATOR,
            event,
        };
        let instruction = InstructionView {
            program_id: self.program_id,
            accounts: &[InstructionAccount::readonly_signer(
                self.authority.address(),
            )],
            data: codec::as_bytes(&envelope),
        };
        let bump = [self.bump];
        let seeds = [Seed::from(SEED), Seed::from(&bump)];
        invoke_signed(&instruction, &[self.authority], &[Signer::from(&seeds)])
    }
}

/// Accepts an event from this program itself: nobody else can sign for its event authority.
#[inline(always)]
pub fn receive<E: Into<ProgramError> + Copy>(
    program_id: &Address,
    accounts: &[AccountView],
    likely_bump: u8,
    error: E,
) -> ProgramResult {
    let [authority] = accounts else {
        return Err(error.into());
    };
    #[cfg(not(feature = "without-event-signature"))]
    accounts::signer(authority, error)?;
    let bump = authority_bump(program_id, authority.address(), likely_bump);
    require(
        cfg!(feature = "without-event-sender") || bump.is_some(),
        error,
    )
}

/// The bump under which `address` is derived as event authority. An address with a key, or a bump
/// that is not canonical, does no harm: the runtime lets the program alone sign for any of them.
#[inline(always)]
fn authority_bump(program_id: &Address, address: &Address, likely_bump: u8) -> Option<u8> {
    let matches = |bump| {
        address_eq(
            &Address::derive_address(&[SEED], Some(bump), program_id),
            address,
        )
    };
    if matches(likely_bump) {
        return Some(likely_bump);
    }
    (0..=u8::MAX).rev().find(|bump| matches(*bump))
}
