//! `initialize_market`: makes the one market over the energy and payment mints.

use super::Call;
use crate::error::TradingError::{
    AlreadyInitialized, InvalidAccount, InvalidMint, MissingSignature, Unauthorized,
};
use crate::events::{self, MarketInitialized};
use crate::state::market::Market;
use common::accounts;
use common::codec::{Account, U64};
use common::error::require;
use common::events::EventSink;
use common::{pda, registry};
use pinocchio::{
    address::address_eq, cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult,
};
use pinocchio_token::state::Mint;

const DECIMALS: u8 = 6;

struct Accounts<'a> {
    market: &'a mut AccountView,
    market_bump: u8,
    deployment: [u8; 4],
    authority: &'a AccountView,
    registry_program: &'a AccountView,
    energy_mint: &'a AccountView,
    grx_mint: &'a AccountView,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(call: Call<'a>) -> Result<Self, ProgramError> {
        let program_id = call.program_id;
        let [market, authority, registry_config, registry_program, energy_mint, grx_mint, payer, system_program, event_authority, program] =
            call.accounts()?;
        #[cfg(not(feature = "without-market-vacancy-check"))]
        accounts::vacant(market, AlreadyInitialized)?;
        let market_bump = pda::canonical_bump(&[Market::SEED], program_id, market.address())
            .ok_or(InvalidAccount)?;
        #[cfg(not(feature = "without-initialize-signature"))]
        accounts::signer(authority, MissingSignature)?;
        #[cfg(not(feature = "without-initialize-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        let deployment = require_registry(
            registry_config,
            registry_program.address(),
            authority.address(),
        )?;
        require_mint(energy_mint)?;
        require_mint(grx_mint)?;
        #[cfg(not(feature = "without-distinct-mints"))]
        require(
            !address_eq(energy_mint.address(), grx_mint.address()),
            InvalidMint,
        )?;
        #[cfg(not(feature = "without-initialize-system-program-check"))]
        accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            market,
            market_bump,
            deployment,
            authority,
            registry_program,
            energy_mint,
            grx_mint,
            payer,
        })
    }
}

/// `config` is the configuration of the registry at `program`, and `authority` its authority:
/// nobody else can place a market of their own first. Returns the deployment.
#[inline(always)]
fn require_registry(
    config: &AccountView,
    program: &Address,
    authority: &Address,
) -> Result<[u8; 4], ProgramError> {
    let state = accounts::load::<registry::Config, _>(config, program, InvalidAccount)?;
    let bump = pda::canonical_bump(&[b"config"], program, config.address());
    #[cfg(not(feature = "without-registry-config-address-check"))]
    require(bump.is_some(), InvalidAccount)?;
    #[cfg(not(feature = "without-registry-authority-check"))]
    require(address_eq(&state.authority, authority), Unauthorized)?;
    Ok(state.deployment)
}

/// A classic SPL Token mint in millionths, whose holders nobody can freeze.
#[inline(always)]
fn require_mint(mint: &AccountView) -> ProgramResult {
    let mint = Mint::from_account_view(mint).map_err(|_| InvalidMint)?;
    #[cfg(not(feature = "without-initialized-mint-check"))]
    require(mint.is_initialized(), InvalidMint)?;
    #[cfg(not(feature = "without-mint-decimals-check"))]
    require(mint.decimals() == DECIMALS, InvalidMint)?;
    #[cfg(not(feature = "without-freeze-authority-check"))]
    require(!mint.has_freeze_authority(), InvalidMint)?;
    Ok(())
}

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    call.arguments::<[u8; 0]>()?;
    let accounts = Accounts::new(call)?;
    let authority = *accounts.authority.address();
    let market = Market {
        authority,
        treasury: authority,
        oracle: authority,
        pauser: authority,
        registry_program: *accounts.registry_program.address(),
        energy_mint: *accounts.energy_mint.address(),
        grx_mint: *accounts.grx_mint.address(),
        deployment: accounts.deployment,
        paused: 0,
        next_order_number: U64::new(1),
        next_offer_number: U64::new(1),
        event_sequence: U64::new(1),
        bump: accounts.market_bump,
    };
    let event = MarketInitialized {
        sequence: market.event_sequence,
        authority: market.authority,
        registry_program: market.registry_program,
        energy_mint: market.energy_mint,
        grx_mint: market.grx_mint,
    };
    accounts::create(
        accounts.payer,
        accounts.market,
        program_id,
        Market::SPACE,
        &[
            Seed::from(Market::SEED),
            Seed::from(&[accounts.market_bump]),
        ],
    )?;
    accounts::initialise(accounts.market, market)?;
    accounts.events.emit(event)
}
