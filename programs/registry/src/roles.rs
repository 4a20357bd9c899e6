//! Who may do what, and the number of the event that tells of it.

use crate::{
    error::RegistryError::{
        ArithmeticOverflow, InvalidAccount, MeterNotActive, MeterRevoked, Unauthorized,
    },
    state::{Config, Meter, MeterStatus, Registrar},
};
use common::{accounts, require};
use pinocchio::{address::address_eq, error::ProgramError, AccountView, Address, ProgramResult};

/// `registrar` says that `key` was appointed.
#[inline(always)]
pub fn check_registrar(
    program_id: &Address,
    registrar: &AccountView,
    key: &Address,
) -> ProgramResult {
    let registrar = accounts::load::<Registrar, _>(registrar, program_id, Unauthorized)?;
    require(
        cfg!(feature = "without-registrar") || address_eq(&registrar.registrar, key),
        Unauthorized,
    )
}

/// Counts one event.
#[inline(always)]
pub fn next_event(program_id: &Address, config: &mut AccountView) -> Result<u64, ProgramError> {
    accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?
        .event_sequence
        .increment()
        .ok_or(ArithmeticOverflow.into())
}

/// Counts one event, which `key` may cause if it is the authority.
#[inline(always)]
pub fn next_event_of_authority(
    program_id: &Address,
    config: &mut AccountView,
    key: &Address,
) -> Result<u64, ProgramError> {
    let mut config = accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?;
    require(
        cfg!(feature = "without-authority") || address_eq(&config.authority, key),
        Unauthorized,
    )?;
    config
        .event_sequence
        .increment()
        .ok_or(ArithmeticOverflow.into())
}

/// A revoked meter stays so.
#[inline(always)]
pub fn check_not_revoked(meter: &Meter) -> ProgramResult {
    require(meter.status != MeterStatus::Revoked as u8, MeterRevoked)
}

/// Neither suspended nor revoked.
#[inline(always)]
pub fn check_active(meter: &Meter) -> ProgramResult {
    check_not_revoked(meter)?;
    require(meter.is_active(), MeterNotActive)
}
