//! The authority hands over to another, who signs as well: nothing is handed to a mistyped key.

use crate::{
    error::RegistryError::{
        ArithmeticOverflow, InvalidAccount, InvalidArguments, MissingSignature, Unauthorized,
        WrongNumberOfAccounts,
    },
    events::{self, AuthoritySet},
    state::Config,
};
use common::{accounts, events::EventSink, require};
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};

struct Accounts<'a> {
    config: RefMut<'a, Config>,
    new_authority: &'a Address,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, authority, new_authority, event_authority, program] = accounts else {
            return Err(WrongNumberOfAccounts.into());
        };
        accounts::signer(authority, MissingSignature)?;
        accounts::signer(new_authority, MissingSignature)?;
        let config = accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?;
        require(
            address_eq(&config.authority, authority.address()),
            Unauthorized,
        )?;
        let events = events::sink(program_id, event_authority, program)?;
        Ok(Self {
            config,
            new_authority: new_authority.address(),
            events,
        })
    }
}

pub fn set_authority(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    let sequence = accounts.config.event_sequence.increment();
    accounts.config.authority = *accounts.new_authority;
    accounts.events.emit(AuthoritySet {
        sequence: sequence.ok_or(ArithmeticOverflow)?.into(),
        authority: *accounts.new_authority,
    })
}
