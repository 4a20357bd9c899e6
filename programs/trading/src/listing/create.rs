//! The accounts with which a listing is created.

use super::Listing;
use crate::error::TradingError::{
    InsufficientBalance, InvalidAccount, InvalidMint, InvalidNonce, MissingSignature,
    WrongNumberOfAccounts,
};
use crate::events;
use crate::state::entry::Creation;
use crate::state::market::Market;
use crate::tokens;
use common::accounts;
use common::codec::U64;
use common::error::require;
use common::events::EventSink;
use pinocchio::{account::RefMut, error::ProgramError, AccountView, Address};

pub struct Creating<'a> {
    program_id: &'a Address,
    pub market: RefMut<'a, Market>,
    pub maker: &'a AccountView,
    pub entry: &'a mut AccountView,
    escrow: &'a AccountView,
    /// Where what the maker gives comes from.
    maker_token: &'a AccountView,
    mint: &'a AccountView,
    pub payer: &'a AccountView,
    pub events: EventSink<'a>,
}

impl<'a> Creating<'a> {
    #[inline(always)]
    pub fn new<T: Listing>(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [market, maker, maker_user, entry, escrow, maker_token, mint, payer, token_program, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        market.require_open()?;
        accounts::signer(maker, MissingSignature)?;
        accounts::signer(payer, MissingSignature)?;
        market.require_registered(maker_user, maker.address())?;
        accounts::vacant(entry, InvalidNonce)?;
        accounts::is(mint, T::mints(&market).0, InvalidMint)?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            maker,
            entry,
            escrow,
            maker_token,
            mint,
            payer,
        })
    }

    /// Makes the listing's account and its escrow, and fills that with `amount` out of a token
    /// account of the maker's own; returns their bumps.
    #[inline(always)]
    pub fn make<T: Listing>(&self, nonce: &U64, amount: u64) -> Result<(u8, u8), ProgramError> {
        let maker = self.maker.address();
        let available = tokens::owned(self.maker_token, self.mint.address(), maker)?;
        require(available >= amount, InsufficientBalance)?;
        let creation = Creation {
            program_id: self.program_id,
            payer: self.payer,
            wallet: maker,
            entry: self.entry,
            escrow: self.escrow,
            mint: self.mint,
        };
        let bump = creation.make_entry::<T>(nonce)?;
        let escrow_bump = creation.fill_escrow(self.maker_token, self.maker, amount)?;
        Ok((bump, escrow_bump))
    }
}
