//! A registrar suspends a meter, until its key is rotated.

use crate::{
    error::RegistryError::{
        InvalidAccount, InvalidArguments, MissingSignature, WrongNumberOfAccounts,
    },
    events::{self, MeterSuspended},
    roles::{check_active, check_registrar, next_event},
    state::{Meter, MeterStatus},
};
use common::{accounts, events::EventSink, require, time::Now};
use pinocchio::{account::RefMut, error::ProgramError, AccountView, Address, ProgramResult};

struct Accounts<'a> {
    registrar_key: &'a Address,
    meter: RefMut<'a, Meter>,
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, registrar_key, registrar, meter, event_authority, program] = accounts else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-suspension-signature"))]
        accounts::signer(registrar_key, MissingSignature)?;
        let registrar_key = registrar_key.address();
        #[cfg(not(feature = "without-suspension-registrar"))]
        check_registrar(program_id, registrar, registrar_key)?;
        let meter = accounts::load_mut::<Meter, _>(meter, program_id, InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = next_event(program_id, config)?;
        Ok(Self {
            registrar_key,
            meter,
            event_sequence,
            events,
        })
    }
}

pub fn suspend_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-suspension-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    #[cfg(not(feature = "without-suspension-active"))]
    check_active(&accounts.meter)?;
    accounts.meter.status = MeterStatus::Suspended as u8;
    accounts.events.emit(MeterSuspended {
        sequence: accounts.event_sequence.into(),
        meter_id: accounts.meter.meter_id,
        suspended_by: *accounts.registrar_key,
        timestamp: Now::get()?.timestamp().into(),
    })
}
