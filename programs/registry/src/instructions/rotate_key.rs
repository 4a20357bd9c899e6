//! A meter gets a new key, which proves itself by a reading that it signed. It counts from that
//! reading on; the key before stays good for earlier readings.
//!
//! A suspension is lifted, but the suspended key is not kept: what it signed and was not settled
//! is in the cumulative registers of the new key's readings, and reports of what it did would
//! suspend the meter again and again.

use crate::{
    error::RegistryError::{
        self, InvalidAccount, InvalidArguments, InvalidFlags, KeyNotNew, MissingSignature,
        NumberOutOfRange, SequenceNotHigher, TelemetryDisclosed, TimeOutOfRange, Unauthorized,
        WrongDeployment, WrongMeter, WrongNumberOfAccounts,
    },
    events::{self, KeyRotated},
    roles::{check_not_revoked, check_registrar, next_event},
    state::{DeviceKey, Meter, MeterStatus},
};
use common::{
    accounts,
    events::EventSink,
    precompile::{self, SignedRecord},
    record::{Record, CLOCK_SYNCHRONISED, GAP},
    require,
    time::{Now, DAY_S},
};
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};

/// How far a device's clock may be ahead of the chain's.
const MAX_AHEAD_S: i64 = 60;
const MAX_AGE_S: i64 = DAY_S as i64;

struct Accounts<'a> {
    meter: RefMut<'a, Meter>,
    instructions_sysvar: &'a AccountView,
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, registrar_key, registrar, owner, meter, instructions_sysvar, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-rotation-registrar-signature"))]
        accounts::signer(registrar_key, MissingSignature)?;
        #[cfg(not(feature = "without-rotation-owner-signature"))]
        accounts::signer(owner, MissingSignature)?;
        #[cfg(not(feature = "without-rotation-registrar"))]
        check_registrar(program_id, registrar, registrar_key.address())?;
        let meter = accounts::load_mut::<Meter, _>(meter, program_id, InvalidAccount)?;
        require(
            cfg!(feature = "without-rotation-owner") || address_eq(&meter.owner, owner.address()),
            Unauthorized,
        )?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = next_event(program_id, config)?;
        Ok(Self {
            meter,
            instructions_sysvar,
            event_sequence,
            events,
        })
    }
}

/// The reading is this meter's, recent, and tells nothing but its registers.
#[inline(always)]
fn check_reading(record: &Record, meter: &Meter, now: Now) -> ProgramResult {
    #[cfg(not(feature = "without-rotation-deployment"))]
    require(record.deployment == meter.deployment, WrongDeployment)?;
    #[cfg(not(feature = "without-rotation-meter"))]
    require(record.meter_id == meter.meter_id, WrongMeter)?;
    #[cfg(not(feature = "without-rotation-range"))]
    require(record.is_in_range(), NumberOutOfRange)?;
    require(
        cfg!(feature = "without-rotation-flags") || record.flags.get() & !GAP == CLOCK_SYNCHRONISED,
        InvalidFlags,
    )?;
    #[cfg(not(feature = "without-rotation-telemetry"))]
    require(record.has_no_telemetry(), TelemetryDisclosed)?;
    let time_ms = record.time_ms.get();
    require(
        (cfg!(feature = "without-rotation-future") || time_ms <= now.ms_after(MAX_AHEAD_S))
            && (cfg!(feature = "without-rotation-age") || time_ms >= now.ms_after(-MAX_AGE_S)),
        TimeOutOfRange,
    )
}

/// Puts the new key in force from its reading on.
#[inline(always)]
fn rotate(meter: &mut Meter, signed: &SignedRecord) -> ProgramResult {
    require(
        (cfg!(feature = "without-new-key") || signed.key != meter.key)
            && (cfg!(feature = "without-forgotten-key") || signed.key != meter.previous_key),
        KeyNotNew,
    )?;
    // Above the reading with which the current key began (a meter's first key began with 1).
    let last_sequence = signed
        .record
        .sequence
        .get()
        .checked_sub(1)
        .filter(|last| {
            cfg!(feature = "without-rotation-sequence")
                || *last > meter.previous_key_last_sequence.get()
        })
        .ok_or(SequenceNotHigher)?;
    meter.previous_key = if cfg!(feature = "without-suspended-key-forgotten") || meter.is_active() {
        meter.key
    } else {
        DeviceKey::NONE
    };
    meter.previous_key_last_sequence.set(last_sequence);
    meter.key = signed.key;
    meter.status = MeterStatus::Active as u8;
    Ok(())
}

pub fn rotate_key(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-rotation-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    #[cfg(not(feature = "without-rotation-revoked"))]
    check_not_revoked(&accounts.meter)?;
    let instructions =
        precompile::instructions(accounts.instructions_sysvar).map_err(RegistryError::from)?;
    let signed = precompile::signed_record(&instructions).map_err(RegistryError::from)?;
    let now = Now::get()?;
    check_reading(signed.record, &accounts.meter, now)?;
    rotate(&mut accounts.meter, &signed)?;
    let meter = &accounts.meter;
    accounts.events.emit(KeyRotated {
        sequence: accounts.event_sequence.into(),
        meter_id: meter.meter_id,
        key: meter.key,
        previous_key: meter.previous_key,
        previous_key_last_sequence: meter.previous_key_last_sequence,
        timestamp: now.timestamp().into(),
    })
}
