//! The authority hands over its own role, or gives the treasury to another.

use crate::{
    error::EnergyTokenError::{
        self, ArithmeticOverflow, InvalidAccount, InvalidArguments, InvalidRole, MissingSignature,
        Unauthorized, WrongNumberOfAccounts,
    },
    events::{AuthoritySet, AUTHORITY_BUMP},
    state::{Config, Role},
};
use common::{
    authority::{Handover, Refusals},
    codec::from_bytes,
    layout,
};
use pinocchio::{AccountView, Address, ProgramResult};

layout! {
    struct Arguments {
        role: u8,
    }
}

const REFUSALS: Refusals<EnergyTokenError> = Refusals {
    wrong_number_of_accounts: WrongNumberOfAccounts,
    missing_signature: MissingSignature,
    invalid_account: InvalidAccount,
    unauthorized: Unauthorized,
};

pub fn set_authority(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let role = Role::from_byte(arguments.role).ok_or(InvalidRole)?;
    let mut handover = Handover::<Config>::check(program_id, accounts, AUTHORITY_BUMP, REFUSALS)?;
    let sequence = handover.config.event_sequence.increment();
    let new_authority = *handover.new_authority;
    match role {
        Role::Authority => handover.config.authority = new_authority,
        Role::Treasury => handover.config.treasury = new_authority,
    }
    handover.events.emit(AuthoritySet {
        sequence: sequence.ok_or(ArithmeticOverflow)?.into(),
        role: arguments.role,
        authority: new_authority,
    })
}
