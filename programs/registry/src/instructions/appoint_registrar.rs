//! The authority appoints a registrar, or changes how many meters it may register in a day.

use crate::{
    error::RegistryError::{
        ArithmeticOverflow, InvalidAccount, InvalidArguments, MissingSignature, Unauthorized,
        WrongNumberOfAccounts,
    },
    events::{self, RegistrarAppointed},
    state::{Config, Registrar},
};
use common::{
    accounts::{self, SYSTEM_PROGRAM},
    codec::{from_bytes, Account, U32},
    events::EventSink,
    layout,
    pda::canonical_bump,
    require,
};
use pinocchio::{
    address::address_eq, cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult,
};

layout! {
    struct Arguments {
        daily_cap: U32,
    }
}

struct Accounts<'a> {
    config: &'a mut AccountView,
    authority: &'a AccountView,
    registrar_key: &'a Address,
    registrar: &'a mut AccountView,
    registrar_bump: u8,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, authority, registrar_key, registrar, payer, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-appointment-signature"))]
        accounts::signer(authority, MissingSignature)?;
        #[cfg(not(feature = "without-appointment-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-appointment-system-program"))]
        accounts::is(system_program, &SYSTEM_PROGRAM, InvalidAccount)?;
        let registrar_key = registrar_key.address();
        let registrar_bump = canonical_bump(
            &[b"registrar", registrar_key.as_array()],
            program_id,
            registrar.address(),
        )
        .or(cfg!(feature = "without-appointment-address").then_some(u8::MAX))
        .ok_or(InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        Ok(Self {
            config,
            authority,
            registrar_key,
            registrar,
            registrar_bump,
            payer,
            events,
        })
    }
}

pub fn appoint_registrar(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let sequence = {
        let mut config =
            accounts::load_mut::<Config, _>(accounts.config, program_id, InvalidAccount)?;
        require(
            cfg!(feature = "without-appointment-authority")
                || address_eq(&config.authority, accounts.authority.address()),
            Unauthorized,
        )?;
        config
            .event_sequence
            .increment()
            .ok_or(ArithmeticOverflow)?
    };

    if accounts::vacant(accounts.registrar, InvalidAccount).is_ok() {
        let bump = [accounts.registrar_bump];
        let seeds = [
            Seed::from(b"registrar"),
            Seed::from(accounts.registrar_key.as_array()),
            Seed::from(&bump),
        ];
        accounts::create(
            accounts.payer,
            accounts.registrar,
            program_id,
            Registrar::SPACE,
            &seeds,
        )?;
        accounts::initialise(
            accounts.registrar,
            Registrar {
                registrar: *accounts.registrar_key,
                daily_cap: arguments.daily_cap,
                day: 0.into(),
                registered_today: 0.into(),
                bump: accounts.registrar_bump,
            },
        )?;
    } else {
        let mut registrar =
            accounts::load_mut::<Registrar, _>(accounts.registrar, program_id, InvalidAccount)?;
        registrar.daily_cap = arguments.daily_cap;
    }
    accounts.events.emit(RegistrarAppointed {
        sequence: sequence.into(),
        registrar: *accounts.registrar_key,
        daily_cap: arguments.daily_cap,
    })
}
