//! The meter's owner burns ENERGY against what the meter recorded as consumed beyond its own
//! production: at most that, over the meter's life.

use crate::{
    error::EnergyTokenError::{
        ArithmeticOverflow, DeficitExceeded, InsufficientBalance, InvalidAccount, InvalidAmount,
        InvalidArguments, InvalidMint, InvalidTokenAccount, MissingSignature, Unauthorized,
        WrongNumberOfAccounts,
    },
    events::{self, EnergyRedeemed},
    state::{Config, Ledger},
};
use common::{
    accounts::{self, TOKEN_PROGRAM},
    codec::{from_bytes, U64},
    events::EventSink,
    layout,
    registry::Meter,
    require,
    time::Now,
};
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};
use pinocchio_token::instructions::Burn;

layout! {
    struct Arguments {
        amount_mwh: U64,
    }
}

struct Accounts<'a> {
    ledger: RefMut<'a, Ledger>,
    owner: &'a AccountView,
    energy_mint: &'a AccountView,
    owner_token: &'a AccountView,
    owner_balance_mwh: u64,
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, meter, ledger, owner, energy_mint, owner_token, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-redemption-signature"))]
        accounts::signer(owner, MissingSignature)?;
        #[cfg(not(feature = "without-redemption-token-program"))]
        accounts::is(token_program, &TOKEN_PROGRAM, InvalidAccount)?;
        let mut config = accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?;
        let meter = accounts::load::<Meter, _>(meter, &config.registry_program, InvalidAccount)?;
        require(
            cfg!(feature = "without-redemption-owner") || address_eq(&meter.owner, owner.address()),
            Unauthorized,
        )?;
        let ledger = accounts::load_mut::<Ledger, _>(ledger, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-redemption-ledger"))]
        require(ledger.meter_id == meter.meter_id, InvalidAccount)?;
        #[cfg(not(feature = "without-redemption-mint"))]
        accounts::is(energy_mint, &config.energy_mint, InvalidMint)?;
        let owner_balance_mwh = {
            let token =
                accounts::token_account(owner_token, &config.energy_mint, InvalidTokenAccount)?;
            require(
                cfg!(feature = "without-redemption-token-owner")
                    || address_eq(token.owner(), owner.address()),
                InvalidTokenAccount,
            )?;
            token.amount()
        };
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = config.event_sequence.increment();
        Ok(Self {
            ledger,
            owner,
            energy_mint,
            owner_token,
            owner_balance_mwh,
            event_sequence: event_sequence.ok_or(ArithmeticOverflow)?,
            events,
        })
    }
}

/// Counts an amount against the meter's deficit.
#[inline(always)]
fn count(ledger: &mut Ledger, amount_mwh: u64) -> ProgramResult {
    let redeemed = ledger
        .redeemed_mwh
        .get()
        .checked_add(amount_mwh)
        .filter(|redeemed| {
            cfg!(feature = "without-deficit") || *redeemed <= ledger.deficit_mwh.get()
        })
        .ok_or(DeficitExceeded)?;
    ledger.redeemed_mwh.set(redeemed);
    Ok(())
}

pub fn redeem(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let amount_mwh = arguments.amount_mwh.get();
    #[cfg(not(feature = "without-redemption-amount"))]
    require(amount_mwh != 0, InvalidAmount)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    count(&mut accounts.ledger, amount_mwh)?;
    require(
        cfg!(feature = "without-redemption-balance") || amount_mwh <= accounts.owner_balance_mwh,
        InsufficientBalance,
    )?;
    Burn::new(
        accounts.owner_token,
        accounts.energy_mint,
        accounts.owner,
        amount_mwh,
    )
    .invoke()?;
    accounts.events.emit(EnergyRedeemed {
        sequence: accounts.event_sequence.into(),
        meter_id: accounts.ledger.meter_id,
        owner: *accounts.owner.address(),
        amount_mwh: amount_mwh.into(),
        redeemed_mwh: accounts.ledger.redeemed_mwh,
        deficit_mwh: accounts.ledger.deficit_mwh,
        timestamp: Now::get()?.timestamp().into(),
    })
}
