//! A registrar enters a meter for an owner who agrees, with the first reading that its device
//! signed: the device has the key, and its registers start from there.

use crate::{
    error::RegistryError,
    events::MeterRegistered,
    state::{Config, DeviceKey, Meter, MeterStatus, Registrar, User},
};
use common::{
    accounts,
    codec::{from_bytes, Account, U64},
    events::EventSink,
    layout,
    pda::canonical_bump,
    precompile::{self, SignedRecord},
    record::{Record, CLOCK_SYNCHRONISED},
    require,
    time::{Now, DAY_S},
};
use pinocchio::{
    address::address_eq, cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult,
};

/// How far a device's clock may be ahead of the chain's.
const MAX_AHEAD_S: i64 = 60;
const MAX_BASELINE_AGE_S: i64 = DAY_S as i64;

layout! {
    struct Arguments {
        export_limit_mw: U64,
        import_limit_mw: U64,
        daily_export_limit_mwh: U64,
    }
}

impl Arguments {
    /// Every limit is above zero and below 2⁶³.
    #[inline(always)]
    fn are_valid(&self) -> bool {
        [
            self.export_limit_mw,
            self.import_limit_mw,
            self.daily_export_limit_mwh,
        ]
        .iter()
        .all(|limit| limit.get().wrapping_sub(1) < i64::MAX as u64)
    }
}

struct Accounts<'a> {
    config: &'a mut AccountView,
    registrar_key: &'a Address,
    registrar: &'a mut AccountView,
    owner: &'a Address,
    owner_user: &'a AccountView,
    meter: &'a mut AccountView,
    payer: &'a AccountView,
    instructions_sysvar: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, registrar_key, registrar, owner, owner_user, meter, payer, instructions_sysvar, _system_program, event_authority, program] =
            accounts
        else {
            return Err(RegistryError::WrongNumberOfAccounts.into());
        };
        accounts::signer(registrar_key, RegistryError::MissingSignature)?;
        accounts::signer(owner, RegistryError::MissingSignature)?;
        accounts::vacant(meter, RegistryError::MeterAlreadyRegistered)?;
        let events = EventSink::new(
            program_id,
            [event_authority, program],
            crate::EVENT_AUTHORITY_BUMP,
            RegistryError::InvalidAccount,
        )?;
        Ok(Self {
            config,
            registrar_key: registrar_key.address(),
            registrar,
            owner: owner.address(),
            owner_user,
            meter,
            payer,
            instructions_sysvar,
            events,
        })
    }

    /// The owner is a registered user.
    #[inline(always)]
    fn check_owner(&self, program_id: &Address) -> ProgramResult {
        let user = accounts::load::<User, _>(
            self.owner_user,
            program_id,
            RegistryError::UserNotRegistered,
        )?;
        require(
            address_eq(&user.wallet, self.owner),
            RegistryError::UserNotRegistered,
        )
    }

    /// The registrar is appointed and has not reached its cap of this day.
    #[inline(always)]
    fn count_registration(&mut self, program_id: &Address, now: Now) -> ProgramResult {
        let mut registrar = accounts::load_mut::<Registrar, _>(
            self.registrar,
            program_id,
            RegistryError::Unauthorized,
        )?;
        require(
            address_eq(&registrar.registrar, self.registrar_key),
            RegistryError::Unauthorized,
        )?;
        registrar
            .count(now.day())
            .ok_or(RegistryError::DailyCapReached.into())
    }

    #[inline(always)]
    fn create_meter(&self, program_id: &Address, meter_id: &[u8; 16]) -> Result<u8, ProgramError> {
        let bump = canonical_bump(&[b"meter", meter_id], program_id, self.meter.address())
            .ok_or(RegistryError::InvalidAccount)?;
        let bump_seed = [bump];
        let seeds = [
            Seed::from(b"meter"),
            Seed::from(meter_id),
            Seed::from(&bump_seed),
        ];
        accounts::create(self.payer, self.meter, program_id, Meter::SPACE, &seeds)?;
        Ok(bump)
    }
}

/// A baseline is a device's first reading, recent, and tells nothing but its registers.
#[inline(always)]
fn check_baseline(baseline: &Record, deployment: [u8; 4], now: Now) -> ProgramResult {
    require(
        baseline.deployment == deployment,
        RegistryError::WrongDeployment,
    )?;
    require(baseline.is_in_range(), RegistryError::NumberOutOfRange)?;
    require(
        baseline.sequence.get() == 1,
        RegistryError::BaselineNotFirst,
    )?;
    require(
        baseline.previous_hash == [0; 32],
        RegistryError::BaselineHasPrevious,
    )?;
    require(
        baseline.surplus_mwh.get() == 0,
        RegistryError::BaselineHasSurplus,
    )?;
    require(
        baseline.flags.get() == CLOCK_SYNCHRONISED,
        RegistryError::InvalidFlags,
    )?;
    require(
        baseline.has_no_telemetry(),
        RegistryError::TelemetryDisclosed,
    )?;
    let time_ms = baseline.time_ms.get();
    require(
        time_ms <= now.ms_after(MAX_AHEAD_S) && time_ms >= now.ms_after(-MAX_BASELINE_AGE_S),
        RegistryError::TimeOutOfRange,
    )
}

pub fn register_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(RegistryError::InvalidArguments)?;
    require(arguments.are_valid(), RegistryError::InvalidLimit)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    accounts.check_owner(program_id)?;
    let now = Now::get()?;
    accounts.count_registration(program_id, now)?;
    let (deployment, sequence) = {
        let mut config = accounts::load_mut::<Config, _>(
            accounts.config,
            program_id,
            RegistryError::InvalidAccount,
        )?;
        let sequence = config.event_sequence.increment();
        (
            config.deployment,
            sequence.ok_or(RegistryError::ArithmeticOverflow)?,
        )
    };

    let instructions =
        precompile::instructions(accounts.instructions_sysvar).map_err(RegistryError::from)?;
    let SignedRecord {
        key,
        record: baseline,
    } = precompile::signed_record(&instructions).map_err(RegistryError::from)?;
    check_baseline(baseline, deployment, now)?;

    let bump = accounts.create_meter(program_id, &baseline.meter_id)?;
    let baseline_hash = baseline.hash();
    accounts::initialise(
        accounts.meter,
        Meter {
            meter_id: baseline.meter_id,
            owner: accounts.owner.clone(),
            status: MeterStatus::Active as u8,
            deployment,
            key,
            previous_key: DeviceKey::NONE,
            previous_key_last_sequence: 0.into(),
            export_limit_mw: arguments.export_limit_mw,
            import_limit_mw: arguments.import_limit_mw,
            daily_export_limit_mwh: arguments.daily_export_limit_mwh,
            baseline_sequence: baseline.sequence,
            baseline_time_ms: baseline.time_ms,
            baseline_produced_mwh: baseline.produced_mwh,
            baseline_consumed_mwh: baseline.consumed_mwh,
            baseline_surplus_mwh: baseline.surplus_mwh,
            baseline_hash,
            registered_at: now.timestamp().into(),
            bump,
        },
    )?;
    accounts.events.emit(MeterRegistered {
        sequence: sequence.into(),
        meter_id: baseline.meter_id,
        owner: accounts.owner.clone(),
        key,
        export_limit_mw: arguments.export_limit_mw,
        import_limit_mw: arguments.import_limit_mw,
        daily_export_limit_mwh: arguments.daily_export_limit_mwh,
        baseline_sequence: baseline.sequence,
        baseline_time_ms: baseline.time_ms,
        baseline_produced_mwh: baseline.produced_mwh,
        baseline_consumed_mwh: baseline.consumed_mwh,
        baseline_surplus_mwh: baseline.surplus_mwh,
        baseline_hash,
        timestamp: now.timestamp().into(),
    })
}
