//! A registrar enters a meter for an owner who agrees, with the first reading that its device
//! signed: the device has the key, and its registers start from there.

use crate::{
    error::RegistryError::{
        self, ArithmeticOverflow, BaselineHasPrevious, BaselineHasSurplus, BaselineNotFirst,
        DailyCapReached, InvalidAccount, InvalidArguments, InvalidFlags, InvalidLimit,
        MeterAlreadyRegistered, MissingSignature, NumberOutOfRange, TelemetryDisclosed,
        TimeOutOfRange, Unauthorized, UserNotRegistered, WrongDeployment, WrongNumberOfAccounts,
    },
    events::{self, MeterRegistered},
    state::{Config, DeviceKey, Meter, MeterStatus, Registrar, User},
};
use common::{
    accounts::{self, SYSTEM_PROGRAM},
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
        let [config, registrar_key, registrar, owner, owner_user, meter, payer, instructions_sysvar, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-meter-registrar-signature"))]
        accounts::signer(registrar_key, MissingSignature)?;
        #[cfg(not(feature = "without-meter-system-program"))]
        accounts::is(system_program, &SYSTEM_PROGRAM, InvalidAccount)?;
        #[cfg(not(feature = "without-meter-owner-signature"))]
        accounts::signer(owner, MissingSignature)?;
        #[cfg(not(feature = "without-meter-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-meter-vacant"))]
        accounts::vacant(meter, MeterAlreadyRegistered)?;
        let events = events::sink(program_id, event_authority, program)?;
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
        let user = accounts::load::<User, _>(self.owner_user, program_id, UserNotRegistered)?;
        require(
            cfg!(feature = "without-meter-owner-user") || address_eq(&user.wallet, self.owner),
            UserNotRegistered,
        )
    }

    /// The registrar is appointed and has not reached its cap of this day.
    #[inline(always)]
    fn count_registration(&mut self, program_id: &Address, now: Now) -> ProgramResult {
        let mut registrar =
            accounts::load_mut::<Registrar, _>(self.registrar, program_id, Unauthorized)?;
        require(
            cfg!(feature = "without-meter-registrar")
                || address_eq(&registrar.registrar, self.registrar_key),
            Unauthorized,
        )?;
        registrar.count(now.day()).ok_or(DailyCapReached.into())
    }

    #[inline(always)]
    fn create_meter(&self, program_id: &Address, meter_id: &[u8; 16]) -> Result<u8, ProgramError> {
        let bump = canonical_bump(&[b"meter", meter_id], program_id, self.meter.address())
            .or(cfg!(feature = "without-meter-address").then_some(u8::MAX))
            .ok_or(InvalidAccount)?;
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
    #[cfg(not(feature = "without-baseline-deployment"))]
    require(baseline.deployment == deployment, WrongDeployment)?;
    #[cfg(not(feature = "without-baseline-range"))]
    require(baseline.is_in_range(), NumberOutOfRange)?;
    #[cfg(not(feature = "without-baseline-sequence"))]
    require(baseline.sequence.get() == 1, BaselineNotFirst)?;
    #[cfg(not(feature = "without-baseline-previous"))]
    require(baseline.previous_hash == [0; 32], BaselineHasPrevious)?;
    #[cfg(not(feature = "without-baseline-surplus"))]
    require(baseline.surplus_mwh.get() == 0, BaselineHasSurplus)?;
    #[cfg(not(feature = "without-baseline-flags"))]
    require(baseline.flags.get() == CLOCK_SYNCHRONISED, InvalidFlags)?;
    #[cfg(not(feature = "without-baseline-telemetry"))]
    require(baseline.has_no_telemetry(), TelemetryDisclosed)?;
    let time_ms = baseline.time_ms.get();
    require(
        (cfg!(feature = "without-baseline-future") || time_ms <= now.ms_after(MAX_AHEAD_S))
            && (cfg!(feature = "without-baseline-age")
                || time_ms >= now.ms_after(-MAX_BASELINE_AGE_S)),
        TimeOutOfRange,
    )
}

/// A meter that starts from its baseline.
#[inline(always)]
fn new_meter(
    signed: &SignedRecord,
    owner: Address,
    limits: &Arguments,
    now: Now,
    bump: u8,
) -> Meter {
    let baseline = signed.record;
    Meter {
        meter_id: baseline.meter_id,
        owner,
        status: MeterStatus::Active as u8,
        deployment: baseline.deployment,
        key: signed.key,
        previous_key: DeviceKey::NONE,
        previous_key_last_sequence: 0.into(),
        export_limit_mw: limits.export_limit_mw,
        import_limit_mw: limits.import_limit_mw,
        daily_export_limit_mwh: limits.daily_export_limit_mwh,
        baseline_sequence: baseline.sequence,
        baseline_time_ms: baseline.time_ms,
        baseline_produced_mwh: baseline.produced_mwh,
        baseline_consumed_mwh: baseline.consumed_mwh,
        baseline_surplus_mwh: baseline.surplus_mwh,
        baseline_hash: baseline.hash(),
        registered_at: now.timestamp().into(),
        bump,
    }
}

pub fn register_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    #[cfg(not(feature = "without-meter-limits"))]
    require(arguments.are_valid(), InvalidLimit)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    accounts.check_owner(program_id)?;
    let now = Now::get()?;
    accounts.count_registration(program_id, now)?;
    let (deployment, sequence) = {
        let mut config =
            accounts::load_mut::<Config, _>(accounts.config, program_id, InvalidAccount)?;
        let sequence = config.event_sequence.increment();
        (config.deployment, sequence.ok_or(ArithmeticOverflow)?)
    };

    let instructions =
        precompile::instructions(accounts.instructions_sysvar).map_err(RegistryError::from)?;
    let signed = precompile::signed_record(&instructions).map_err(RegistryError::from)?;
    check_baseline(signed.record, deployment, now)?;

    let bump = accounts.create_meter(program_id, &signed.record.meter_id)?;
    let meter = new_meter(&signed, *accounts.owner, arguments, now, bump);
    let event = MeterRegistered::of(&meter, sequence);
    accounts::initialise(accounts.meter, meter)?;
    accounts.events.emit(event)
}
