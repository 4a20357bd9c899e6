//! The rules by which a signed reading becomes energy. A reading is refused, never capped.

use crate::{
    error::EnergyTokenError::{
        ArithmeticOverflow, ClockNotSynchronised, DailyLimitExceeded, ExportLimitExceeded,
        FalseSurplus, ImportLimitExceeded, MeterFaulty, MeterNotActive, NotIntervalBoundary,
        NotSettlement, NumberOutOfRange, RegisterFell, SequenceNotHigher, TelemetryDisclosed,
        TimeInFuture, TimeNotHigher, UnknownFlags, WrongDeployment, WrongKey, WrongMeter,
    },
    state::{energy_limit, refilled_allowance, Ledger},
};
use common::{
    codec::U32,
    precompile::SignedRecord,
    record::{Record, METER_FAULT, REGISTER_REPLACED, SETTLEMENT, TAMPER},
    registry::Meter,
    require,
    time::Now,
};
use pinocchio::{error::ProgramError, ProgramResult};

/// How far a reading may be ahead of the chain's clock.
const MAX_AHEAD_S: i64 = 60;

/// What a deployment's readings have in common.
pub struct Deployment {
    pub id: [u8; 4],
    pub settlement_interval_s: U32,
}

/// The reading is this meter's, signed by its key, and of a kind that settles.
#[inline(always)]
pub fn check_reading(
    signed: &SignedRecord,
    meter: &Meter,
    deployment: &Deployment,
    now: Now,
) -> ProgramResult {
    let record = signed.record;
    require(
        record.deployment == deployment.id && meter.deployment == deployment.id,
        WrongDeployment,
    )?;
    require(record.meter_id == meter.meter_id, WrongMeter)?;
    require(meter.is_active(), MeterNotActive)?;
    require(
        meter.is_signed_by(&signed.key, record.sequence.get()),
        WrongKey,
    )?;
    require(record.is_in_range(), NumberOutOfRange)?;
    check_flags(record)?;
    require(record.has_no_telemetry(), TelemetryDisclosed)?;
    check_time(record.time_ms.get(), deployment, now)
}

#[inline(always)]
fn check_flags(record: &Record) -> ProgramResult {
    require(record.has_known_flags_only(), UnknownFlags)?;
    require(record.has(SETTLEMENT), NotSettlement)?;
    require(record.is_synchronised(), ClockNotSynchronised)?;
    require(
        !record.has(METER_FAULT | REGISTER_REPLACED | TAMPER),
        MeterFaulty,
    )
}

#[inline(always)]
fn check_time(time_ms: u64, deployment: &Deployment, now: Now) -> ProgramResult {
    require(time_ms <= now.ms_after(MAX_AHEAD_S), TimeInFuture)?;
    // 2³² × 1,000 fits; the registry lets no interval be zero.
    let interval_ms = u64::from(deployment.settlement_interval_s.get()).wrapping_mul(1_000);
    require(time_ms.is_multiple_of(interval_ms), NotIntervalBoundary)
}

/// Moves the ledger on to a reading that `check_reading` accepted, and returns the surplus since
/// the last one: the energy to mint.
#[inline(always)]
pub fn advance(ledger: &mut Ledger, record: &Record, meter: &Meter) -> Result<u64, ProgramError> {
    require(
        record.sequence.get() > ledger.last_sequence.get(),
        SequenceNotHigher,
    )?;
    let elapsed_ms = match record.time_ms.get().checked_sub(ledger.last_time_ms.get()) {
        None | Some(0) => return Err(TimeNotHigher.into()),
        Some(elapsed_ms) => elapsed_ms,
    };
    let rise = |now: u64, before: u64| now.checked_sub(before).ok_or(RegisterFell);
    let produced = rise(record.produced_mwh.get(), ledger.produced_mwh.get())?;
    let consumed = rise(record.consumed_mwh.get(), ledger.consumed_mwh.get())?;
    let surplus = rise(record.surplus_mwh.get(), ledger.surplus_mwh.get())?;
    require(
        produced.saturating_sub(consumed) <= surplus && surplus <= produced,
        FalseSurplus,
    )?;

    require(
        produced <= energy_limit(meter.export_limit_mw.get(), elapsed_ms),
        ExportLimitExceeded,
    )?;
    require(
        consumed <= energy_limit(meter.import_limit_mw.get(), elapsed_ms),
        ImportLimitExceeded,
    )?;
    let allowance = refilled_allowance(
        ledger.daily_allowance_mwh.get(),
        meter.daily_export_limit_mwh.get(),
        elapsed_ms,
    );
    let allowance = allowance.checked_sub(produced).ok_or(DailyLimitExceeded)?;
    let minted = ledger
        .minted_mwh
        .get()
        .checked_add(surplus)
        .ok_or(ArithmeticOverflow)?;

    ledger.last_sequence = record.sequence;
    ledger.last_time_ms = record.time_ms;
    ledger.produced_mwh = record.produced_mwh;
    ledger.consumed_mwh = record.consumed_mwh;
    ledger.surplus_mwh = record.surplus_mwh;
    ledger.minted_mwh.set(minted);
    ledger.daily_allowance_mwh.set(allowance);
    Ok(surplus)
}
