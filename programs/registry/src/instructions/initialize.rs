//! Makes the registry's configuration, once.

use crate::{error::RegistryError, events::DeploymentInitialized, state::Config};
use common::{
    accounts,
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
        let [config, authority, payer, _system_program, event_authority, program] = accounts else {
            return Err(RegistryError::WrongNumberOfAccounts.into());
        };
        accounts::signer(authority, RegistryError::MissingSignature)?;
        accounts::vacant(config, RegistryError::AlreadyInitialized)?;
        let config_bump = canonical_bump(&[b"config"], program_id, config.address())
            .ok_or(RegistryError::InvalidAccount)?;
        let events = EventSink::new(
            program_id,
            [event_authority, program],
            crate::EVENT_AUTHORITY_BUMP,
            RegistryError::InvalidAccount,
        )?;
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
    let arguments: &Arguments = from_bytes(arguments).ok_or(RegistryError::InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let interval = u64::from(arguments.settlement_interval_s.get());
    // A divisor of the day: boundaries fall on the same times of every UTC day.
    require(
        interval != 0 && DAY_S % interval == 0,
        RegistryError::InvalidInterval,
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
            authority: accounts.authority.address().clone(),
            deployment,
            settlement_interval_s: arguments.settlement_interval_s,
            event_sequence: 1.into(),
            bump: accounts.config_bump,
        },
    )?;
    accounts.events.emit(DeploymentInitialized {
        sequence: 1.into(),
        authority: accounts.authority.address().clone(),
        deployment,
        settlement_interval_s: arguments.settlement_interval_s,
    })
}
