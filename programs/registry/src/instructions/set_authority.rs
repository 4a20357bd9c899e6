//! The authority hands over to another.

use crate::{
    error::RegistryError::{
        self, ArithmeticOverflow, InvalidAccount, InvalidArguments, MissingSignature, Unauthorized,
        WrongNumberOfAccounts,
    },
    events::{AuthoritySet, AUTHORITY_BUMP},
    state::Config,
};
use common::{
    authority::{Handover, Refusals},
    require,
};
use pinocchio::{AccountView, Address, ProgramResult};

const REFUSALS: Refusals<RegistryError> = Refusals {
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
    #[cfg(not(feature = "without-handover-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut handover = Handover::<Config>::check(program_id, accounts, AUTHORITY_BUMP, REFUSALS)?;
    let sequence = handover.config.event_sequence.increment();
    handover.config.authority = *handover.new_authority;
    handover.events.emit(AuthoritySet {
        sequence: sequence.ok_or(ArithmeticOverflow)?.into(),
        authority: *handover.new_authority,
    })
}
