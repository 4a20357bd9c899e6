//! Makes the registry's configuration, once.

use crate::{
    error::RegistryError::{
        AlreadyInitialized, InvalidAccount, InvalidArguments, InvalidInterval, MissingSignature,
        WrongNumberOfAccounts,
    },
    events::{self, DeploymentInitialized},
    state::Config,
};
use common::{
    accounts::{self, SYSTEM_PROGRAM},
    codec::{from_bytes, U32},
    events::EventSink,
    layout,
    pda::canonical_bump,
    record::deployment_id,
    require,
    time::DAY_S,
};
use pinocchio::{cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult};

layout! {
    struct Arguments {
        genesis_hash: [u8; 32],
        settlement_interval_s: U32,
    }
}

struct Accounts<'a> {
    config: &'a mut AccountView,
    config_bump: u8,
    authority: &'a AccountView,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, authority, payer, system_program, event_authority, program] = accounts else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-initialize-authority-signature"))]
        accounts::signer(authority, MissingSignature)?;
        #[cfg(not(feature = "without-initialize-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-initialize-system-program"))]
        accounts::is(system_program, &SYSTEM_PROGRAM, InvalidAccount)?;
        #[cfg(not(feature = "without-initialize-vacant"))]
        accounts::vacant(config, AlreadyInitialized)?;
        let config_bump = canonical_bump(&[b"config"], program_id, config.address())
            .or(cfg!(feature = "without-initialize-address").then_some(u8::MAX))
            .ok_or(InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        Ok(Self {
            config,
            config_bump,
            authority,
            payer,
            events,
        })
    }
}

pub fn initialize(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let interval = u64::from(arguments.settlement_interval_s.get());
    // A divisor of the day: boundaries fall on the same times of every UTC day.
    require(
        cfg!(feature = "without-initialize-interval") || DAY_S.is_multiple_of(interval),
        InvalidInterval,
    )?;

    let bump = [accounts.config_bump];
    accounts::create(
        accounts.payer,
        accounts.config,
        program_id,
        <Config as common::codec::Account>::SPACE,
        &[Seed::from(b"config"), Seed::from(&bump)],
    )?;
    let deployment = deployment_id(&arguments.genesis_hash, program_id);
    accounts::initialise(
        accounts.config,
        Config {
            authority: *accounts.authority.address(),
            deployment,
            settlement_interval_s: arguments.settlement_interval_s,
            event_sequence: 1.into(),
            bump: accounts.config_bump,
        },
    )?;
    accounts.events.emit(DeploymentInitialized {
        sequence: 1.into(),
        authority: *accounts.authority.address(),
        deployment,
        settlement_interval_s: arguments.settlement_interval_s,
    })
}
