//! The authority tells the registry, once, which program keeps the meters' ledgers.

use crate::{
    error::RegistryError::{
        EnergyTokenAlreadySet, InvalidAccount, InvalidArguments, MissingSignature,
        WrongNumberOfAccounts,
    },
    events::{self, EnergyTokenSet},
    roles::next_event_of_authority,
    state::EnergyToken,
};
use common::{
    accounts::{self, SYSTEM_PROGRAM},
    codec::Account,
    events::EventSink,
    pda::canonical_bump,
    require,
};
use pinocchio::{cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult};

struct Accounts<'a> {
    energy_token_program: &'a Address,
    energy_token: &'a mut AccountView,
    energy_token_bump: u8,
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
        let [config, authority, energy_token_program, energy_token, payer, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-link-signature"))]
        accounts::signer(authority, MissingSignature)?;
        #[cfg(not(feature = "without-link-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-link-system-program"))]
        accounts::is(system_program, &SYSTEM_PROGRAM, InvalidAccount)?;
        #[cfg(not(feature = "without-link-executable"))]
        require(energy_token_program.executable(), InvalidAccount)?;
        #[cfg(not(feature = "without-link-vacant"))]
        accounts::vacant(energy_token, EnergyTokenAlreadySet)?;
        let energy_token_bump =
            canonical_bump(&[b"energy_token"], program_id, energy_token.address())
                .or(cfg!(feature = "without-link-address").then_some(u8::MAX))
                .ok_or(InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = next_event_of_authority(program_id, config, authority.address())?;
        Ok(Self {
            energy_token_program: energy_token_program.address(),
            energy_token,
            energy_token_bump,
            payer,
            event_sequence,
            events,
        })
    }
}

pub fn set_energy_token(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-link-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let bump = [accounts.energy_token_bump];
    accounts::create(
        accounts.payer,
        accounts.energy_token,
        program_id,
        EnergyToken::SPACE,
        &[Seed::from(b"energy_token"), Seed::from(&bump)],
    )?;
    accounts::initialise(
        accounts.energy_token,
        EnergyToken {
            program: *accounts.energy_token_program,
            bump: accounts.energy_token_bump,
        },
    )?;
    accounts.events.emit(EnergyTokenSet {
        sequence: accounts.event_sequence.into(),
        energy_token_program: *accounts.energy_token_program,
    })
}
