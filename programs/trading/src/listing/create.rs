//! The accounts with which a listing is created.

use crate::error::TradingError::{
    InsufficientBalance, InvalidAccount, InvalidMint, InvalidNonce, MissingSignature,
};
use crate::events;
use crate::instructions::Call;
use crate::state::entry::Creation;
use crate::state::listing::Listing;
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
    pub fn new<T: Listing>(call: Call<'a>) -> Result<Self, ProgramError> {
        let program_id = call.program_id;
        let [market, maker, maker_user, entry, escrow, maker_token, mint, payer, token_program, system_program, event_authority, program] =
            call.accounts()?;
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-create-pause-check"))]
        market.require_open()?;
        #[cfg(not(feature = "without-maker-signature"))]
        accounts::signer(maker, MissingSignature)?;
        #[cfg(not(feature = "without-create-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-maker-registration"))]
        market.require_registered(maker_user, maker.address())?;
        #[cfg(not(feature = "without-vacancy-check"))]
        accounts::vacant(entry, InvalidNonce)?;
        #[cfg(not(feature = "without-escrow-mint-check"))]
        accounts::is(mint, T::mints(&market).0, InvalidMint)?;
        #[cfg(not(feature = "without-create-token-program-check"))]
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        #[cfg(not(feature = "without-create-system-program-check"))]
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
        #[cfg(not(feature = "without-maker-balance-check"))]
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
