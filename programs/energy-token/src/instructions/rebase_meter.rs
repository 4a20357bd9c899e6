//! After a meter was replaced, a registrar brings the first reading of its new registers: the
//! ledger goes on from there, and nothing is minted for the jump.
//!
//! What the old registers counted must be settled before: later, it is refused by name.

use crate::{
    error::EnergyTokenError::{
        self, ArithmeticOverflow, InvalidAccount, InvalidArguments, MissingSignature, Unauthorized,
        WrongNumberOfAccounts,
    },
    events::{self, MeterRebased},
    settlement::{check_replacement, rebase},
    state::{Config, Ledger},
};
use common::{
    accounts,
    events::EventSink,
    precompile,
    registry::{Meter, Registrar},
    require,
    time::Now,
};
use pinocchio::{
    account::{Ref, RefMut},
    address::address_eq,
    error::ProgramError,
    AccountView, Address, ProgramResult,
};

struct Accounts<'a> {
    meter: Ref<'a, Meter>,
    ledger: RefMut<'a, Ledger>,
    instructions_sysvar: &'a AccountView,
    deployment: [u8; 4],
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, registrar_key, registrar, meter, ledger, instructions_sysvar, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-rebase-signature"))]
        accounts::signer(registrar_key, MissingSignature)?;
        let mut config = accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?;
        let registrar =
            accounts::load::<Registrar, _>(registrar, &config.registry_program, Unauthorized)?;
        require(
            cfg!(feature = "without-rebase-registrar")
                || address_eq(&registrar.registrar, registrar_key.address()),
            Unauthorized,
        )?;
        let meter = accounts::load::<Meter, _>(meter, &config.registry_program, InvalidAccount)?;
        let ledger = accounts::load_mut::<Ledger, _>(ledger, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-rebase-ledger"))]
        require(ledger.meter_id == meter.meter_id, InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = config.event_sequence.increment();
        Ok(Self {
            meter,
            ledger,
            instructions_sysvar,
            deployment: config.deployment,
            event_sequence: event_sequence.ok_or(ArithmeticOverflow)?,
            events,
        })
    }
}

pub fn rebase_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-rebase-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    let instructions =
        precompile::instructions(accounts.instructions_sysvar).map_err(EnergyTokenError::from)?;
    let signed = precompile::signed_record(&instructions).map_err(EnergyTokenError::from)?;
    let now = Now::get()?;
    check_replacement(&signed, &accounts.meter, accounts.deployment, now)?;
    let record = signed.record;
    rebase(&mut accounts.ledger, record, &accounts.meter)?;
    accounts.events.emit(MeterRebased {
        sequence: accounts.event_sequence.into(),
        meter_id: record.meter_id,
        reading_sequence: record.sequence,
        reading_time_ms: record.time_ms,
        produced_mwh: record.produced_mwh,
        consumed_mwh: record.consumed_mwh,
        surplus_mwh: record.surplus_mwh,
        record_hash: record.hash(),
        timestamp: now.timestamp().into(),
    })
}
