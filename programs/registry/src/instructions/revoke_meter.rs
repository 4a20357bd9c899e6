//! A registrar or the owner ends a meter: at once and for ever.

use crate::{
    error::RegistryError::{
        InvalidAccount, InvalidArguments, MissingSignature, WrongNumberOfAccounts,
    },
    events::{self, MeterRevoked},
    roles::{check_not_revoked, check_registrar, next_event},
    state::{Meter, MeterStatus},
};
use common::{accounts, events::EventSink, require, time::Now};
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};

struct Accounts<'a> {
    revoker: &'a Address,
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
        let [config, revoker, registrar, meter, event_authority, program] = accounts else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-revocation-signature"))]
        accounts::signer(revoker, MissingSignature)?;
        let revoker = revoker.address();
        let meter = accounts::load_mut::<Meter, _>(meter, program_id, InvalidAccount)?;
        if !address_eq(&meter.owner, revoker) {
            #[cfg(not(feature = "without-revocation-registrar"))]
            check_registrar(program_id, registrar, revoker)?;
        }
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = next_event(program_id, config)?;
        Ok(Self {
            revoker,
            meter,
            event_sequence,
            events,
        })
    }
}

pub fn revoke_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-revocation-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    #[cfg(not(feature = "without-revocation-once"))]
    check_not_revoked(&accounts.meter)?;
    accounts.meter.status = MeterStatus::Revoked as u8;
    accounts.events.emit(MeterRevoked {
        sequence: accounts.event_sequence.into(),
        meter_id: accounts.meter.meter_id,
        revoked_by: *accounts.revoker,
        timestamp: Now::get()?.timestamp().into(),
    })
}
