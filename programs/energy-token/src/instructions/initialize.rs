//! Makes the configuration and both mints, once.

use crate::{
    error::EnergyTokenError::{
        AlreadyInitialized, InvalidAccount, InvalidArguments, InvalidMint, MissingSignature,
        WrongNumberOfAccounts,
    },
    events::{self, TokensInitialized},
    state::Config,
};
use common::{
    accounts::{self, SYSTEM_PROGRAM, TOKEN_PROGRAM},
    codec::{from_bytes, Account, U64},
    events::EventSink,
    layout,
    pda::canonical_bump,
    registry,
};
use pinocchio::{cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult};
use pinocchio_token::{instructions::InitializeMint2, state::Mint};

/// A base unit of ENERGY is a mWh, and one of GRX a millionth.
const DECIMALS: u8 = 6;

layout! {
    struct Arguments {
        grx_cap: U64,
    }
}

struct Accounts<'a> {
    config: &'a mut AccountView,
    config_bump: u8,
    authority: &'a Address,
    treasury: &'a Address,
    registry_config: &'a AccountView,
    registry_program: &'a Address,
    energy_mint: &'a AccountView,
    grx_mint: &'a AccountView,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, authority, treasury, registry_config, registry_program, energy_mint, grx_mint, payer, token_program, system_program, event_authority, program] =
            accounts
        else {
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
        let registry_program = registry_program.address();
        #[cfg(not(feature = "without-initialize-registry"))]
        canonical_bump(&[b"config"], registry_program, registry_config.address())
            .ok_or(InvalidAccount)?;
        #[cfg(not(feature = "without-initialize-token-program"))]
        accounts::is(token_program, &TOKEN_PROGRAM, InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        Ok(Self {
            config,
            config_bump,
            authority: authority.address(),
            treasury: treasury.address(),
            registry_config,
            registry_program,
            energy_mint,
            grx_mint,
            payer,
            events,
        })
    }

    /// Makes a mint at the address of `seed`, under the authority of the configuration.
    #[inline(always)]
    fn create_mint(&self, program_id: &Address, mint: &AccountView, seed: &[u8]) -> ProgramResult {
        let bump = canonical_bump(&[seed], program_id, mint.address())
            .or(cfg!(feature = "without-initialize-mint-address").then_some(u8::MAX))
            .ok_or(InvalidMint)?;
        let bump = [bump];
        accounts::create(
            self.payer,
            mint,
            &TOKEN_PROGRAM,
            Mint::LEN,
            &[Seed::from(seed), Seed::from(&bump)],
        )?;
        InitializeMint2::new(mint, DECIMALS, self.config.address(), None).invoke()
    }
}

pub fn initialize(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    accounts.create_mint(program_id, accounts.energy_mint, b"energy_mint")?;
    accounts.create_mint(program_id, accounts.grx_mint, b"grx_mint")?;

    let bump = [accounts.config_bump];
    accounts::create(
        accounts.payer,
        accounts.config,
        program_id,
        Config::SPACE,
        &[Seed::from(b"config"), Seed::from(&bump)],
    )?;
    let registry = accounts::load::<registry::Config, _>(
        accounts.registry_config,
        accounts.registry_program,
        InvalidAccount,
    )?;
    accounts::initialise(
        accounts.config,
        Config {
            authority: *accounts.authority,
            treasury: *accounts.treasury,
            registry_program: *accounts.registry_program,
            deployment: registry.deployment,
            settlement_interval_s: registry.settlement_interval_s,
            energy_mint: *accounts.energy_mint.address(),
            grx_mint: *accounts.grx_mint.address(),
            grx_cap: arguments.grx_cap,
            grx_minted: 0.into(),
            event_sequence: 1.into(),
            bump: accounts.config_bump,
        },
    )?;
    accounts.events.emit(TokensInitialized {
        sequence: 1.into(),
        energy_mint: *accounts.energy_mint.address(),
        grx_mint: *accounts.grx_mint.address(),
        grx_cap: arguments.grx_cap,
        registry_program: *accounts.registry_program,
    })
}
