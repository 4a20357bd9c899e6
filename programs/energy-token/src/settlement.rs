//! The rules by which a signed reading becomes energy, or takes the place of replaced registers.
//! A reading is refused, never capped.

use crate::{
    error::EnergyTokenError::{
        ArithmeticOverflow, ClockNotSynchronised, DailyLimitExceeded, ExportLimitExceeded,
        FalseSurplus, ImportLimitExceeded, MeterFaulty, MeterNotActive, NotIntervalBoundary,
        NotReplaced, NotSettlement, NumberOutOfRange, RegisterFell, SequenceNotHigher,
        SignedBeforeRebase, TelemetryDisclosed, TimeInFuture, TimeNotHigher, UnknownFlags,
        WrongDeployment, WrongKey, WrongMeter,
    },
    state::{energy_limit, refilled_allowance, Ledger},
};
use common::{
    codec::{U32, U64},
    precompile::SignedRecord,
    record::{Record, METER_FAULT, REGISTER_REPLACED, SETTLEMENT, TAMPER},
    registry::Meter,
    require,
    time::Now,
};
use pinocchio::{error::ProgramError, ProgramResult};

/// How far a reading may be ahead of the chain's clock.
const MAX_AHEAD_S: i64 = 60;

/// Readings with one of these are not settled.
const UNFIT_TO_SETTLE: u32 = unless(cfg!(feature = "without-settlement-fault"), METER_FAULT)
    | unless(
        cfg!(feature = "without-settlement-replaced"),
        REGISTER_REPLACED,
    )
    | unless(cfg!(feature = "without-settlement-tamper"), TAMPER);
/// Replaced registers are not taken over from readings with one of these.
const UNFIT_TO_REBASE: u32 = unless(cfg!(feature = "without-rebase-fault"), METER_FAULT)
    | unless(cfg!(feature = "without-rebase-tamper"), TAMPER);

const fn unless(taken_out: bool, flag: u32) -> u32 {
    if taken_out {
        0
    } else {
        flag
    }
}

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
    check_origin(signed, meter, deployment.id)?;
    #[cfg(not(feature = "without-settlement-known-flags"))]
    require(record.has_known_flags_only(), UnknownFlags)?;
    #[cfg(not(feature = "without-settlement-flag"))]
    require(record.has(SETTLEMENT), NotSettlement)?;
    #[cfg(not(feature = "without-settlement-clock"))]
    require(record.is_synchronised(), ClockNotSynchronised)?;
    require(!record.has(UNFIT_TO_SETTLE), MeterFaulty)?;
    #[cfg(not(feature = "without-settlement-telemetry"))]
    require(record.has_no_telemetry(), TelemetryDisclosed)?;
    check_time(record.time_ms.get(), now)?;
    // 2³² × 1,000 fits; the registry lets no interval be zero.
    let interval_ms = u64::from(deployment.settlement_interval_s.get()).wrapping_mul(1_000);
    require(
        cfg!(feature = "without-boundary") || record.time_ms.get().is_multiple_of(interval_ms),
        NotIntervalBoundary,
    )
}

/// The reading is the first of this meter's replaced registers, signed by its key.
#[inline(always)]
pub fn check_replacement(
    signed: &SignedRecord,
    meter: &Meter,
    deployment: [u8; 4],
    now: Now,
) -> ProgramResult {
    let record = signed.record;
    check_origin(signed, meter, deployment)?;
    #[cfg(not(feature = "without-rebase-known-flags"))]
    require(record.has_known_flags_only(), UnknownFlags)?;
    #[cfg(not(feature = "without-rebase-flag"))]
    require(record.has(REGISTER_REPLACED), NotReplaced)?;
    #[cfg(not(feature = "without-rebase-clock"))]
    require(record.is_synchronised(), ClockNotSynchronised)?;
    require(!record.has(UNFIT_TO_REBASE), MeterFaulty)?;
    #[cfg(not(feature = "without-rebase-telemetry"))]
    require(record.has_no_telemetry(), TelemetryDisclosed)?;
    check_time(record.time_ms.get(), now)
}

/// The reading is this deployment's and this active meter's, by the key that may sign it.
#[inline(always)]
fn check_origin(signed: &SignedRecord, meter: &Meter, deployment: [u8; 4]) -> ProgramResult {
    let record = signed.record;
    require(
        (cfg!(feature = "without-record-deployment") || record.deployment == deployment)
            && (cfg!(feature = "without-meter-deployment") || meter.deployment == deployment),
        WrongDeployment,
    )?;
    #[cfg(not(feature = "without-record-meter"))]
    require(record.meter_id == meter.meter_id, WrongMeter)?;
    #[cfg(not(feature = "without-active-meter"))]
    require(meter.is_active(), MeterNotActive)?;
    require(
        cfg!(feature = "without-meter-key")
            || meter.is_signed_by(&signed.key, record.sequence.get()),
        WrongKey,
    )?;
    require(
        cfg!(feature = "without-record-range") || record.is_in_range(),
        NumberOutOfRange,
    )
}

#[inline(always)]
fn check_time(time_ms: u64, now: Now) -> ProgramResult {
    require(
        cfg!(feature = "without-future") || time_ms <= now.ms_after(MAX_AHEAD_S),
        TimeInFuture,
    )
}

/// Milliseconds since the ledger's last reading, which came before this one.
#[inline(always)]
fn elapsed_ms(ledger: &Ledger, record: &Record) -> Result<u64, ProgramError> {
    let sequence = record.sequence.get();
    #[cfg(not(feature = "without-rebase-order"))]
    require(sequence >= ledger.rebase_sequence.get(), SignedBeforeRebase)?;
    #[cfg(not(feature = "without-higher-sequence"))]
    require(sequence > ledger.last_sequence.get(), SequenceNotHigher)?;
    match record.time_ms.get().checked_sub(ledger.last_time_ms.get()) {
        None | Some(0) if !cfg!(feature = "without-higher-time") => Err(TimeNotHigher.into()),
        elapsed_ms => Ok(elapsed_ms.unwrap_or(0)),
    }
}

/// Production that would be believed at the time of a reading.
#[inline(always)]
fn allowance(ledger: &Ledger, meter: &Meter, elapsed_ms: u64) -> u64 {
    refilled_allowance(
        ledger.daily_allowance_mwh.get(),
        meter.daily_export_limit_mwh.get(),
        elapsed_ms,
    )
}

/// Takes a reading's registers into the ledger.
#[inline(always)]
fn take(ledger: &mut Ledger, record: &Record) {
    ledger.last_sequence = record.sequence;
    ledger.last_time_ms = record.time_ms;
    ledger.produced_mwh = record.produced_mwh;
    ledger.consumed_mwh = record.consumed_mwh;
    ledger.surplus_mwh = record.surplus_mwh;
}

/// Goes on from replaced registers, which `check_replacement` accepted.
#[inline(always)]
pub fn rebase(ledger: &mut Ledger, record: &Record, meter: &Meter) -> ProgramResult {
    let elapsed_ms = elapsed_ms(ledger, record)?;
    let allowance = allowance(ledger, meter, elapsed_ms);
    take(ledger, record);
    ledger.rebase_sequence = record.sequence;
    ledger.daily_allowance_mwh.set(allowance);
    Ok(())
}

/// By how much a register rose; `None` when it fell.
#[inline(always)]
fn rise(now: U64, before: U64) -> Option<u64> {
    now.get().checked_sub(before.get())
}

/// Moves the ledger on to a reading that `check_reading` accepted, and returns the surplus since
/// the last one: the energy to mint.
#[inline(always)]
pub fn advance(ledger: &mut Ledger, record: &Record, meter: &Meter) -> Result<u64, ProgramError> {
    let elapsed_ms = elapsed_ms(ledger, record)?;
    let produced = rise(record.produced_mwh, ledger.produced_mwh)
        .or(cfg!(feature = "without-production-rising").then_some(0))
        .ok_or(RegisterFell)?;
    let consumed = rise(record.consumed_mwh, ledger.consumed_mwh)
        .or(cfg!(feature = "without-consumption-rising").then_some(0))
        .ok_or(RegisterFell)?;
    let surplus = rise(record.surplus_mwh, ledger.surplus_mwh)
        .or(cfg!(feature = "without-surplus-rising").then_some(0))
        .ok_or(RegisterFell)?;
    require(
        (cfg!(feature = "without-least-surplus") || produced.saturating_sub(consumed) <= surplus)
            && (cfg!(feature = "without-most-surplus") || surplus <= produced),
        FalseSurplus,
    )?;

    require(
        cfg!(feature = "without-export-limit")
            || produced <= energy_limit(meter.export_limit_mw.get(), elapsed_ms),
        ExportLimitExceeded,
    )?;
    require(
        cfg!(feature = "without-import-limit")
            || consumed <= energy_limit(meter.import_limit_mw.get(), elapsed_ms),
        ImportLimitExceeded,
    )?;
    let allowance = allowance(ledger, meter, elapsed_ms);
    let allowance = allowance
        .checked_sub(produced)
        .or(cfg!(feature = "without-daily-limit").then_some(0))
        .ok_or(DailyLimitExceeded)?;
    let minted = ledger
        .minted_mwh
        .get()
        .checked_add(surplus)
        .or(cfg!(feature = "without-minted-total").then_some(u64::MAX))
        .ok_or(ArithmeticOverflow)?;
    // What the household consumed and did not produce itself in the same interval.
    let deficit = consumed.saturating_sub(produced - surplus);
    let deficit = ledger
        .deficit_mwh
        .get()
        .checked_add(deficit)
        .or(cfg!(feature = "without-deficit-total").then_some(u64::MAX))
        .ok_or(ArithmeticOverflow)?;

    take(ledger, record);
    ledger.minted_mwh.set(minted);
    ledger.deficit_mwh.set(deficit);
    ledger.daily_allowance_mwh.set(allowance);
    Ok(surplus)
}
