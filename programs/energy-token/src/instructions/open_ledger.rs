//! Opens a registered meter's ledger at its baseline; anybody may pay for it.

use crate::{
    error::EnergyTokenError::{
        ArithmeticOverflow, InvalidAccount, InvalidArguments, LedgerAlreadyOpen, MissingSignature,
        WrongNumberOfAccounts,
    },
    events::{self, LedgerOpened},
    state::{full_allowance, Config, Ledger},
};
use common::{
    accounts::{self, SYSTEM_PROGRAM},
    codec::Account,
    events::EventSink,
    pda::canonical_bump,
    registry::Meter,
    require,
};
use pinocchio::{
    account::Ref, cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult,
};

struct Accounts<'a> {
    meter: Ref<'a, Meter>,
    ledger: &'a mut AccountView,
    ledger_bump: u8,
    payer: &'a AccountView,
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, meter, ledger, payer, system_program, event_authority, program] = accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-ledger-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-ledger-system-program"))]
        accounts::is(system_program, &SYSTEM_PROGRAM, InvalidAccount)?;
        let mut config = accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?;
        let meter = accounts::load::<Meter, _>(meter, &config.registry_program, InvalidAccount)?;
        #[cfg(not(feature = "without-ledger-vacant"))]
        accounts::vacant(ledger, LedgerAlreadyOpen)?;
        let ledger_bump =
            canonical_bump(&[b"ledger", &meter.meter_id], program_id, ledger.address())
                .or(cfg!(feature = "without-ledger-address").then_some(u8::MAX))
                .ok_or(InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = config
            .event_sequence
            .increment()
            .ok_or(ArithmeticOverflow)?;
        Ok(Self {
            meter,
            ledger,
            ledger_bump,
            payer,
            event_sequence,
            events,
        })
    }
}

pub fn open_ledger(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-ledger-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let meter = &accounts.meter;

    let bump = [accounts.ledger_bump];
    let seeds = [
        Seed::from(b"ledger"),
        Seed::from(&meter.meter_id),
        Seed::from(&bump),
    ];
    accounts::create(
        accounts.payer,
        accounts.ledger,
        program_id,
        Ledger::SPACE,
        &seeds,
    )?;
    accounts::initialise(
        accounts.ledger,
        Ledger {
            meter_id: meter.meter_id,
            last_sequence: meter.baseline_sequence,
            last_time_ms: meter.baseline_time_ms,
            produced_mwh: meter.baseline_produced_mwh,
            consumed_mwh: meter.baseline_consumed_mwh,
            surplus_mwh: meter.baseline_surplus_mwh,
            minted_mwh: 0.into(),
            redeemed_mwh: 0.into(),
            daily_allowance_mwh: full_allowance(meter.daily_export_limit_mwh.get()).into(),
            bump: accounts.ledger_bump,
            deficit_mwh: 0.into(),
            rebase_sequence: 0.into(),
        },
    )?;
    accounts.events.emit(LedgerOpened {
        sequence: accounts.event_sequence.into(),
        meter_id: meter.meter_id,
    })
}
