//! A role is handed over by the authority to another key, and both sign: nothing is handed to a
//! mistyped one.

use crate::accounts;
use crate::codec::Account;
use crate::error::require;
use crate::events::EventSink;
use pinocchio::{account::RefMut, address::address_eq, error::ProgramError, AccountView, Address};

/// A configuration that has an authority.
pub trait Governed: Account {
    fn authority(&self) -> &Address;
}

/// What a program calls the reasons to refuse a handover.
pub struct Refusals<E> {
    pub wrong_number_of_accounts: E,
    pub missing_signature: E,
    pub invalid_account: E,
    pub unauthorized: E,
}

/// The accounts of `set_authority`.
pub struct Handover<'a, C> {
    pub config: RefMut<'a, C>,
    pub new_authority: &'a Address,
    pub events: EventSink<'a>,
}

impl<'a, C: Governed> Handover<'a, C> {
    /// Checks that the authority of the configuration wills it, and that the new key exists.
    #[inline(always)]
    pub fn check<E: Into<ProgramError> + Copy>(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
        event_authority_bump: u8,
        refusals: Refusals<E>,
    ) -> Result<Self, ProgramError> {
        let [config, authority, new_authority, event_authority, program] = accounts else {
            return Err(refusals.wrong_number_of_accounts.into());
        };
        #[cfg(not(feature = "without-handover-signature"))]
        accounts::signer(authority, refusals.missing_signature)?;
        #[cfg(not(feature = "without-successor-signature"))]
        accounts::signer(new_authority, refusals.missing_signature)?;
        let config = accounts::load_mut::<C, _>(config, program_id, refusals.invalid_account)?;
        require(
            cfg!(feature = "without-handover-authority")
                || address_eq(config.authority(), authority.address()),
            refusals.unauthorized,
        )?;
        let events = EventSink::new(
            program_id,
            [event_authority, program],
            event_authority_bump,
            refusals.invalid_account,
        )?;
        Ok(Self {
            config,
            new_authority: new_authority.address(),
            events,
        })
    }
}
