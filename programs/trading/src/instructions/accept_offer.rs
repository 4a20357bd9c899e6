//! `accept_offer`: delivers the whole or a part of what a buyer wants, at the offer's price.

use super::Call;
use crate::error::TradingError::{
    AmountMismatch, InsufficientBalance, InvalidAccount, InvalidArguments, MissingSignature,
    SelfTradingNotAllowed, WrongNumberOfAccounts,
};
use crate::events::{self, OfferAccepted};
use crate::state::entry::Entry;
use crate::state::market::Market;
use crate::state::offer::Offer;
use crate::state::terms::require_lots;
use crate::tokens;
use common::accounts;
use common::codec::{from_bytes, I64, U64};
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

struct Accounts<'a> {
    program_id: &'a Address,
    market: RefMut<'a, Market>,
    offer: &'a mut AccountView,
    escrow: &'a AccountView,
    seller: &'a AccountView,
    seller_energy: &'a AccountView,
    seller_grx: &'a AccountView,
    buyer_energy: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, offer, escrow, seller, seller_user, seller_energy, seller_grx, buyer_energy, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        market.require_open()?;
        accounts::signer(seller, MissingSignature)?;
        market.require_registered(seller_user, seller.address())?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            offer,
            escrow,
            seller,
            seller_energy,
            seller_grx,
            buyer_energy,
        })
    }

    /// Fills a part of the offer and marks it as being in a trade; returns it as it is then, and
    /// what the seller gets.
    #[inline(always)]
    fn enter(&mut self, arguments: &Arguments, now: i64) -> Result<(Offer, u64), ProgramError> {
        let program_id = self.program_id;
        let mut offer = accounts::load_mut::<Offer, _>(self.offer, program_id, InvalidAccount)?;
        offer.require_open(now)?;
        require(
            !address_eq(&offer.buyer, self.seller.address()),
            SelfTradingNotAllowed,
        )?;
        require(
            offer.price_micro_grx == arguments.price_micro_grx,
            AmountMismatch,
        )?;
        let payment = offer.fill(arguments.amount_mwh.get())?;
        offer.entered = 1;
        Ok((offer.clone(), payment))
    }

    /// The four token accounts are those of this offer, seller and buyer, and the seller can
    /// deliver.
    #[inline(always)]
    fn require_tokens(&self, offer: &Offer, amount_mwh: u64) -> ProgramResult {
        let (energy, grx) = (&self.market.energy_mint, &self.market.grx_mint);
        let seller = self.seller.address();
        offer.require_escrow(self.program_id, self.offer.address(), self.escrow)?;
        let available = tokens::owned(self.seller_energy, energy, seller)?;
        tokens::owned(self.seller_grx, grx, seller)?;
        tokens::owned(self.buyer_energy, energy, &offer.buyer)?;
        require(available >= amount_mwh, InsufficientBalance)
    }

    /// Moves the energy to the buyer and the payment to the seller.
    #[inline(always)]
    fn exchange(&self, offer: &Offer, amount_mwh: u64, payment: u64) -> ProgramResult {
        let deliver = Transfer::new(
            self.seller_energy,
            self.buyer_energy,
            self.seller,
            amount_mwh,
        );
        let pay = Transfer::new(self.escrow, self.seller_grx, self.offer, payment);
        offer.signed(|signers| tokens::batch(deliver, pay, signers))
    }

    /// The trade is over: the offer may be accepted again.
    #[inline(always)]
    fn leave(&mut self) -> ProgramResult {
        let program_id = self.program_id;
        let mut offer = accounts::load_mut::<Offer, _>(self.offer, program_id, InvalidAccount)?;
        offer.entered = 0;
        Ok(())
    }
}

pub fn process(call: Call) -> ProgramResult {
    let Call {
        program_id,
        accounts,
        arguments,
    } = call;
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let amount_mwh = arguments.amount_mwh.get();
    require_lots(amount_mwh)?;
    let now = Now::get()?.timestamp();
    let mut accounts = Accounts::new(program_id, accounts)?;
    let (offer, payment) = accounts.enter(arguments, now)?;
    accounts.require_tokens(&offer, amount_mwh)?;
    let sequence = accounts.market.next_event()?;
    accounts.exchange(&offer, amount_mwh, payment)?;
    accounts.leave()?;
    accounts.events.emit(OfferAccepted {
        sequence,
        offer: *accounts.offer.address(),
        number: offer.number,
        seller: *accounts.seller.address(),
        buyer: offer.buyer,
        amount_mwh: arguments.amount_mwh,
        price_micro_grx: offer.price_micro_grx,
        payment_micro_grx: U64::new(payment),
        filled_mwh: offer.filled_mwh,
        status: offer.status,
        timestamp: I64::new(now),
    })
}
