//! `set_authority`: the authority hands one of the market's roles to another key, which signs as
//! well: nothing is handed to a mistyped one.

use super::Call;
use crate::error::TradingError::{
    InvalidAccount, InvalidArguments, MissingSignature, Unauthorized, WrongNumberOfAccounts,
};
use crate::events::{self, AuthoritySet};
use crate::state::market::{Market, Role};
use common::accounts;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let Call {
        program_id,
        accounts,
        arguments,
    } = call;
    let [role_byte] = *arguments else {
        return Err(InvalidArguments.into());
    };
    let role = Role::from_byte(role_byte).ok_or(InvalidArguments)?;
    let [market, authority, new_authority, event_authority, program] = accounts else {
        return Err(WrongNumberOfAccounts.into());
    };
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    accounts::signer(authority, MissingSignature)?;
    accounts::is(authority, &market.authority, Unauthorized)?;
    accounts::signer(new_authority, MissingSignature)?;
    let events = events::sink(program_id, event_authority, program)?;
    let sequence = market.next_event()?;
    let holder = market.holder(role);
    let previous_holder = *holder;
    *holder = *new_authority.address();
    events.emit(AuthoritySet {
        sequence,
        role: role_byte,
        previous_holder,
        new_holder: *new_authority.address(),
    })
}
