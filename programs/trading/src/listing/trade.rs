//! A trade: a taker gives what a listing asks for, and gets what its escrow holds.

use crate::error::TradingError::{
    AmountMismatch, InsufficientBalance, InvalidAccount, MissingSignature, SelfTradingNotAllowed,
};
use crate::events;
use crate::instructions::Call;
use crate::state::listing::Listing;
use crate::state::market::Market;
use crate::state::terms::require_lots;
use crate::tokens;
use common::accounts;
use common::codec::{I64, U64};
use common::error::require;
use common::events::EventSink;
use common::time::Now;
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};
use pinocchio_token::instructions::Transfer;

common::layout! {
    struct Arguments {
        amount_mwh: U64,
        price_micro_grx: U64,
    }
}

/// A trade that was made, to be told of.
pub struct Traded<'a, T> {
    pub sequence: U64,
    pub address: Address,
    /// As it is then.
    pub listing: T,
    pub taker: &'a Address,
    pub amount_mwh: U64,
    pub payment_micro_grx: U64,
    pub timestamp: I64,
    pub events: EventSink<'a>,
}

struct Accounts<'a> {
    program_id: &'a Address,
    market: RefMut<'a, Market>,
    entry: &'a mut AccountView,
    escrow: &'a AccountView,
    taker: &'a AccountView,
    taker_energy: &'a AccountView,
    taker_grx: &'a AccountView,
    /// Where the maker gets what the taker gives.
    maker_token: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(call: Call<'a>) -> Result<Self, ProgramError> {
        let program_id = call.program_id;
        let [market, entry, escrow, taker, taker_user, taker_energy, taker_grx, maker_token, token_program, event_authority, program] =
            call.accounts()?;
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-trade-pause-check"))]
        market.require_open()?;
        #[cfg(not(feature = "without-taker-signature"))]
        accounts::signer(taker, MissingSignature)?;
        #[cfg(not(feature = "without-taker-registration"))]
        market.require_registered(taker_user, taker.address())?;
        #[cfg(not(feature = "without-trade-token-program-check"))]
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            entry,
            escrow,
            taker,
            taker_energy,
            taker_grx,
            maker_token,
        })
    }

    /// Fills a part of the listing and marks it as being in a trade; returns it as it is then, and
    /// the payment.
    #[inline(always)]
    fn enter<T: Listing>(
        &mut self,
        arguments: &Arguments,
        now: i64,
    ) -> Result<(T, u64), ProgramError> {
        let program_id = self.program_id;
        let mut listing = accounts::load_mut::<T, _>(self.entry, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-trade-open-check"))]
        listing.require_open(now)?;
        #[cfg(not(feature = "without-self-trade-check"))]
        require(
            !address_eq(listing.owner().0, self.taker.address()),
            SelfTradingNotAllowed,
        )?;
        #[cfg(not(feature = "without-price-check"))]
        require(
            listing.price_micro_grx() == arguments.price_micro_grx,
            AmountMismatch,
        )?;
        let payment = listing.fill(arguments.amount_mwh.get())?;
        listing.set_entered(true);
        Ok((listing.clone(), payment))
    }

    /// Moves what the taker gives to the maker, and what the escrow holds to the taker, after it
    /// was seen that the four token accounts are theirs and that the taker has as much.
    #[inline(always)]
    fn exchange<T: Listing>(&self, listing: &T, amount_mwh: u64, payment: u64) -> ProgramResult {
        let (held_mint, given_mint) = T::mints(&self.market);
        let (maker, taker) = (listing.owner().0, self.taker.address());
        let (from, to, given, taken) = if T::HOLDS_ENERGY {
            (self.taker_grx, self.taker_energy, payment, amount_mwh)
        } else {
            (self.taker_energy, self.taker_grx, amount_mwh, payment)
        };
        #[cfg(not(feature = "without-trade-escrow-check"))]
        listing.require_escrow(self.program_id, self.entry.address(), self.escrow)?;
        #[cfg(not(feature = "without-taker-receipt-check"))]
        tokens::owned(to, held_mint, taker)?;
        let available = tokens::owned(from, given_mint, taker)?;
        #[cfg(not(feature = "without-maker-receipt-check"))]
        tokens::owned(self.maker_token, given_mint, maker)?;
        #[cfg(not(feature = "without-taker-balance-check"))]
        require(available >= given, InsufficientBalance)?;
        let give = Transfer::new(from, self.maker_token, self.taker, given);
        let take = Transfer::new(self.escrow, to, self.entry, taken);
        listing.signed(|signers| tokens::batch(give, take, signers))
    }

    /// The trade is over: the listing may be traded again.
    #[inline(always)]
    fn leave<T: Listing>(&mut self) -> ProgramResult {
        let program_id = self.program_id;
        accounts::load_mut::<T, _>(self.entry, program_id, InvalidAccount)?.set_entered(false);
        Ok(())
    }
}

/// Trades the whole or a part of a listing, at its price.
#[inline(always)]
pub fn trade<T: Listing>(call: Call<'_>) -> Result<Traded<'_, T>, ProgramError> {
    let arguments: &Arguments = call.arguments()?;
    let amount_mwh = arguments.amount_mwh.get();
    #[cfg(not(feature = "without-trade-lot-check"))]
    require_lots(amount_mwh)?;
    let now = Now::get()?.timestamp();
    let mut accounts = Accounts::new(call)?;
    let (listing, payment) = accounts.enter::<T>(arguments, now)?;
    let sequence = accounts.market.next_event()?;
    accounts.exchange(&listing, amount_mwh, payment)?;
    accounts.leave::<T>()?;
    Ok(Traded {
        sequence,
        address: *accounts.entry.address(),
        listing,
        taker: accounts.taker.address(),
        amount_mwh: arguments.amount_mwh,
        payment_micro_grx: U64::new(payment),
        timestamp: I64::new(now),
        events: accounts.events,
    })
}
