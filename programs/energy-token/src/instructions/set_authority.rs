//! The authority hands over its own role, or gives the treasury to another. The new key signs as
//! well: nothing is handed to a mistyped one.

use crate::{
    error::EnergyTokenError::{
        ArithmeticOverflow, InvalidAccount, InvalidArguments, InvalidRole, MissingSignature,
        Unauthorized, WrongNumberOfAccounts,
    },
    events::{self, AuthoritySet},
    state::{Config, Role},
};
use common::{accounts, codec::from_bytes, events::EventSink, layout, require};
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};

layout! {
    struct Arguments {
        role: u8,
    }
}

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
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let role = Role::from_byte(arguments.role).ok_or(InvalidRole)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    let sequence = accounts.config.event_sequence.increment();
    let new_authority = *accounts.new_authority;
    match role {
        Role::Authority => accounts.config.authority = new_authority,
        Role::Treasury => accounts.config.treasury = new_authority,
    }
    accounts.events.emit(AuthoritySet {
        sequence: sequence.ok_or(ArithmeticOverflow)?.into(),
        role: arguments.role,
        authority: new_authority,
    })
}
