//! Mints the surplus that a meter signed for, to the meter's owner. Anybody may bring the reading.

use crate::{
    error::EnergyTokenError::{
        self, ArithmeticOverflow, InvalidAccount, InvalidArguments, InvalidMint,
        InvalidTokenAccount, WrongNumberOfAccounts,
    },
    events::{self, MeterSettled},
    settlement::{advance, check_reading, Deployment},
    state::{Config, Ledger},
};
use common::{
    accounts::{self, TOKEN_PROGRAM},
    events::EventSink,
    precompile,
    registry::Meter,
    require,
    time::Now,
};
use pinocchio::{
    account::{Ref, RefMut},
    address::address_eq,
    cpi::{Seed, Signer},
    error::ProgramError,
    AccountView, Address, ProgramResult,
};
use pinocchio_token::instructions::MintTo;

struct Accounts<'a> {
    config: &'a mut AccountView,
    meter: Ref<'a, Meter>,
    ledger: RefMut<'a, Ledger>,
    energy_mint: &'a AccountView,
    owner_token: &'a AccountView,
    instructions_sysvar: &'a AccountView,
    events: EventSink<'a>,
    deployment: Deployment,
    event_sequence: u64,
    config_bump: u8,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config_account, meter, ledger, energy_mint, owner_token, instructions_sysvar, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-settlement-token-program"))]
        accounts::is(token_program, &TOKEN_PROGRAM, InvalidAccount)?;
        let mut config =
            accounts::load_mut::<Config, _>(config_account, program_id, InvalidAccount)?;
        let meter = accounts::load::<Meter, _>(meter, &config.registry_program, InvalidAccount)?;
        let ledger = accounts::load_mut::<Ledger, _>(ledger, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-settlement-ledger"))]
        require(ledger.meter_id == meter.meter_id, InvalidAccount)?;
        #[cfg(not(feature = "without-settlement-mint"))]
        accounts::is(energy_mint, &config.energy_mint, InvalidMint)?;
        check_owner_token(owner_token, &config.energy_mint, &meter.owner)?;
        let events = events::sink(program_id, event_authority, program)?;
        let event_sequence = config
            .event_sequence
            .increment()
            .ok_or(ArithmeticOverflow)?;
        let deployment = Deployment {
            id: config.deployment,
            settlement_interval_s: config.settlement_interval_s,
        };
        let config_bump = config.bump;
        drop(config);
        Ok(Self {
            config: config_account,
            meter,
            ledger,
            energy_mint,
            owner_token,
            instructions_sysvar,
            events,
            deployment,
            event_sequence,
            config_bump,
        })
    }

    #[inline(always)]
    fn mint(&self, amount_mwh: u64) -> ProgramResult {
        let bump = [self.config_bump];
        let seeds = [Seed::from(b"config"), Seed::from(&bump)];
        MintTo::new(self.energy_mint, self.owner_token, self.config, amount_mwh)
            .invoke_signed(&[Signer::from(&seeds)])
    }
}

/// Energy goes to the meter's owner and nobody else.
#[inline(always)]
fn check_owner_token(
    account: &AccountView,
    energy_mint: &Address,
    owner: &Address,
) -> ProgramResult {
    let token = accounts::token_account(account, energy_mint, InvalidTokenAccount)?;
    require(
        cfg!(feature = "without-settlement-owner") || address_eq(token.owner(), owner),
        InvalidTokenAccount,
    )
}

pub fn settle_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-settlement-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    let instructions =
        precompile::instructions(accounts.instructions_sysvar).map_err(EnergyTokenError::from)?;
    let signed = precompile::signed_record(&instructions).map_err(EnergyTokenError::from)?;
    let now = Now::get()?;
    check_reading(&signed, &accounts.meter, &accounts.deployment, now)?;
    let record = signed.record;
    let surplus_mwh = advance(&mut accounts.ledger, record, &accounts.meter)?;

    if surplus_mwh != 0 {
        accounts.mint(surplus_mwh)?;
    }
    accounts.events.emit(MeterSettled {
        sequence: accounts.event_sequence.into(),
        meter_id: record.meter_id,
        owner: accounts.meter.owner,
        reading_sequence: record.sequence,
        reading_time_ms: record.time_ms,
        produced_mwh: record.produced_mwh,
        consumed_mwh: record.consumed_mwh,
        surplus_mwh: record.surplus_mwh,
        minted_mwh: surplus_mwh.into(),
        total_minted_mwh: accounts.ledger.minted_mwh,
        record_hash: record.hash(),
        timestamp: now.timestamp().into(),
    })
}
