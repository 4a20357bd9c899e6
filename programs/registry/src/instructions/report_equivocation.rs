//! Anybody shows two different readings that a meter's key signed under one sequence number; the
//! meter is suspended until its key is rotated.
//!
//! The two messages lie in the two instructions directly before, each of one or two readings: a
//! device's messages are such, or longer ones that the registrar deals with.

use crate::{
    error::RegistryError::{
        self, InvalidAccount, InvalidArguments, NoEquivocation, WrongNumberOfAccounts,
    },
    events::{self, EquivocationReported},
    roles::{check_active, next_event},
    state::{DeviceKey, Meter, MeterStatus},
};
use common::{
    accounts,
    codec::as_bytes,
    events::EventSink,
    precompile::{self, SignedRecords},
    record::Record,
    require,
    time::Now,
};
use pinocchio::{account::RefMut, error::ProgramError, AccountView, Address, ProgramResult};

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
        let [config, meter, instructions_sysvar, event_authority, program] = accounts else {
            return Err(WrongNumberOfAccounts.into());
        };
        let meter = accounts::load_mut::<Meter, _>(meter, program_id, InvalidAccount)?;
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

/// The first two readings of two messages that contradict each other.
#[inline(always)]
fn contradiction<'a>(
    meter: &Meter,
    first: &SignedRecords<'a>,
    second: &SignedRecords<'a>,
) -> Option<(&'a Record, &'a Record)> {
    if first.key != second.key && !cfg!(feature = "without-report-key") {
        return None;
    }
    for one in first.records {
        for other in second.records {
            if is_of(meter, &first.key, one)
                && is_of(meter, &first.key, other)
                && (cfg!(feature = "without-report-sequence") || one.sequence == other.sequence)
                && (cfg!(feature = "without-report-difference") || as_bytes(one) != as_bytes(other))
            {
                return Some((one, other));
            }
        }
    }
    None
}

/// The reading is this meter's, by the key that its sequence asks for.
#[inline(always)]
fn is_of(meter: &Meter, key: &DeviceKey, record: &Record) -> bool {
    (cfg!(feature = "without-report-deployment") || record.deployment == meter.deployment)
        && (cfg!(feature = "without-report-meter") || record.meter_id == meter.meter_id)
        && (cfg!(feature = "without-report-signer")
            || meter.is_signed_by(key, record.sequence.get()))
}

pub fn report_equivocation(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-report-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    #[cfg(not(feature = "without-report-active"))]
    check_active(&accounts.meter)?;
    let instructions =
        precompile::instructions(accounts.instructions_sysvar).map_err(RegistryError::from)?;
    let first = precompile::signed_records(&instructions, 2).map_err(RegistryError::from)?;
    let second = precompile::signed_records(&instructions, 1).map_err(RegistryError::from)?;
    let (one, other) = contradiction(&accounts.meter, &first, &second).ok_or(NoEquivocation)?;
    accounts.meter.status = MeterStatus::Suspended as u8;
    accounts.events.emit(EquivocationReported {
        sequence: accounts.event_sequence.into(),
        meter_id: accounts.meter.meter_id,
        key: first.key,
        reading_sequence: one.sequence,
        first_record_hash: one.hash(),
        second_record_hash: other.hash(),
        timestamp: Now::get()?.timestamp().into(),
    })
}
