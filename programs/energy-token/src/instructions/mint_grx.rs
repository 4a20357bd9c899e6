//! The treasury mints GRX, up to the cap.

use crate::{
    error::EnergyTokenError::{
        ArithmeticOverflow, CapExceeded, InvalidAccount, InvalidAmount, InvalidArguments,
        InvalidMint, InvalidTokenAccount, MissingSignature, Unauthorized, WrongNumberOfAccounts,
    },
    events::{self, GrxMinted},
    state::Config,
};
use common::{
    accounts::{self, TOKEN_PROGRAM},
    codec::{from_bytes, U64},
    events::EventSink,
    layout, require,
};
use pinocchio::{
    address::address_eq,
    cpi::{Seed, Signer},
    error::ProgramError,
    AccountView, Address, ProgramResult,
};
use pinocchio_token::instructions::MintTo;

layout! {
    struct Arguments {
        amount: U64,
    }
}

struct Accounts<'a> {
    config: &'a mut AccountView,
    treasury: &'a Address,
    grx_mint: &'a AccountView,
    destination: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, treasury, grx_mint, destination, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-grx-signature"))]
        accounts::signer(treasury, MissingSignature)?;
        #[cfg(not(feature = "without-grx-token-program"))]
        accounts::is(token_program, &TOKEN_PROGRAM, InvalidAccount)?;
        #[cfg(not(feature = "without-grx-destination"))]
        accounts::token_account(destination, grx_mint.address(), InvalidTokenAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        Ok(Self {
            config,
            treasury: treasury.address(),
            grx_mint,
            destination,
            events,
        })
    }
}

/// What minting leaves behind in the configuration.
struct Minted {
    total: u64,
    sequence: u64,
    config_bump: u8,
}

/// Counts an amount that is to be minted, if treasury and cap allow it.
#[inline(always)]
fn count(
    config: &mut Config,
    accounts: (&Address, &AccountView),
    amount: u64,
) -> Result<Minted, ProgramError> {
    let (treasury, grx_mint) = accounts;
    require(
        cfg!(feature = "without-grx-treasury") || address_eq(&config.treasury, treasury),
        Unauthorized,
    )?;
    #[cfg(not(feature = "without-grx-mint"))]
    accounts::is(grx_mint, &config.grx_mint, InvalidMint)?;
    #[cfg(not(feature = "without-grx-amount"))]
    require(amount != 0, InvalidAmount)?;
    let total = config
        .grx_minted
        .get()
        .checked_add(amount)
        .filter(|total| cfg!(feature = "without-grx-cap") || *total <= config.grx_cap.get())
        .ok_or(CapExceeded)?;
    config.grx_minted.set(total);
    let sequence = config.event_sequence.increment();
    Ok(Minted {
        total,
        sequence: sequence.ok_or(ArithmeticOverflow)?,
        config_bump: config.bump,
    })
}

pub fn mint_grx(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let minted = {
        let mut config =
            accounts::load_mut::<Config, _>(accounts.config, program_id, InvalidAccount)?;
        count(
            &mut config,
            (accounts.treasury, accounts.grx_mint),
            arguments.amount.get(),
        )?
    };

    let bump = [minted.config_bump];
    let seeds = [Seed::from(b"config"), Seed::from(&bump)];
    MintTo::new(
        accounts.grx_mint,
        accounts.destination,
        accounts.config,
        arguments.amount.get(),
    )
    .invoke_signed(&[Signer::from(&seeds)])?;
    accounts.events.emit(GrxMinted {
        sequence: minted.sequence.into(),
        destination: *accounts.destination.address(),
        amount: arguments.amount,
        grx_minted: minted.total.into(),
    })
}
