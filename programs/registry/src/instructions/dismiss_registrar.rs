//! The authority dismisses a registrar: its account is closed, and the rent goes where the
//! authority says.

use crate::{
    error::RegistryError::{
        InvalidAccount, InvalidArguments, MissingSignature, WrongNumberOfAccounts,
    },
    events::{self, RegistrarDismissed},
    roles::next_event_of_authority,
    state::Registrar,
};
use common::{accounts, events::EventSink, require};
use pinocchio::{error::ProgramError, AccountView, Address, ProgramResult};

struct Accounts<'a> {
    registrar: &'a mut AccountView,
    registrar_key: Address,
    rent_recipient: &'a mut AccountView,
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, authority, registrar, rent_recipient, event_authority, program] = accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-dismissal-signature"))]
        accounts::signer(authority, MissingSignature)?;
        #[cfg(not(feature = "without-dismissal-recipient"))]
        accounts::writable(rent_recipient, InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = next_event_of_authority(program_id, config, authority.address())?;
        let registrar_key =
            accounts::load_mut::<Registrar, _>(registrar, program_id, InvalidAccount)?.registrar;
        Ok(Self {
            registrar,
            registrar_key,
            rent_recipient,
            event_sequence,
            events,
        })
    }
}

pub fn dismiss_registrar(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-dismissal-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let rent = accounts.registrar.lamports();
    accounts
        .rent_recipient
        .set_lamports(accounts.rent_recipient.lamports() + rent);
    accounts.registrar.close()?;
    accounts.events.emit(RegistrarDismissed {
        sequence: accounts.event_sequence.into(),
        registrar: accounts.registrar_key,
    })
}
