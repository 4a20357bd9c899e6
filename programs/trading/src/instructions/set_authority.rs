//! `set_authority`: the authority hands one of the market's roles to another key.

use super::Call;
use crate::error::TradingError::{
    InvalidAccount, InvalidArguments, MissingSignature, Unauthorized, WrongNumberOfAccounts,
};
use crate::events::{self, AuthoritySet};
use crate::state::market::{Market, Role};
use crate::state::trader::NONE;
use common::accounts;
use common::codec::from_bytes;
use common::error::require;
use pinocchio::{address::address_eq, Address, ProgramResult};

common::layout! {
    struct Arguments {
        role: u8,
        new_holder: Address,
    }
}

pub fn process(call: Call) -> ProgramResult {
    let Call {
        program_id,
        accounts,
        arguments,
    } = call;
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let role = Role::from_byte(arguments.role).ok_or(InvalidArguments)?;
    // Nobody has that key: the role would be lost for ever.
    require(!address_eq(&arguments.new_holder, &NONE), InvalidArguments)?;
    let [market, authority, event_authority, program] = accounts else {
        return Err(WrongNumberOfAccounts.into());
    };
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    accounts::signer(authority, MissingSignature)?;
    accounts::is(authority, &market.authority, Unauthorized)?;
    let events = events::sink(program_id, event_authority, program)?;
    let sequence = market.next_event()?;
    let holder = market.holder(role);
    let previous_holder = *holder;
    *holder = arguments.new_holder;
    events.emit(AuthoritySet {
        sequence,
        role: arguments.role,
        previous_holder,
        new_holder: arguments.new_holder,
    })
}
