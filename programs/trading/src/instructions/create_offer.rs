//! `create_offer`: asks for energy at a price, and moves the GRX for it into the offer's escrow.

use super::Call;
use crate::error::TradingError::{
    ArithmeticOverflow, InsufficientBalance, InvalidAccount, InvalidArguments, InvalidMint,
    InvalidNonce, MissingSignature, WrongNumberOfAccounts,
};
use crate::events::{self, OfferCreated};
use crate::state::entry::Creation;
use crate::state::market::Market;
use crate::state::offer::Offer;
use crate::state::order::OrderStatus;
use crate::state::terms::Terms;
use crate::state::trader::Trader;
use crate::tokens;
use common::accounts;
use common::codec::{from_bytes, I64, U64};
use common::error::require;
use common::events::EventSink;
use common::time::Now;
use pinocchio::{account::RefMut, error::ProgramError, AccountView, Address, ProgramResult};

struct Accounts<'a> {
    program_id: &'a Address,
    market: RefMut<'a, Market>,
    buyer: &'a AccountView,
    trader: &'a mut AccountView,
    offer: &'a mut AccountView,
    escrow: &'a AccountView,
    buyer_grx: &'a AccountView,
    grx_mint: &'a AccountView,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, buyer, buyer_user, trader, offer, escrow, buyer_grx, grx_mint, payer, token_program, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        market.require_open()?;
        accounts::signer(buyer, MissingSignature)?;
        accounts::signer(payer, MissingSignature)?;
        market.require_registered(buyer_user, buyer.address())?;
        accounts::vacant(offer, InvalidNonce)?;
        accounts::is(grx_mint, &market.grx_mint, InvalidMint)?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            buyer,
            trader,
            offer,
            escrow,
            buyer_grx,
            grx_mint,
            payer,
        })
    }

    /// The buyer has that much GRX in a token account of their own.
    #[inline(always)]
    fn require_grx(&self, amount: u64) -> ProgramResult {
        let mint = &self.market.grx_mint;
        let available = tokens::owned(self.buyer_grx, mint, self.buyer.address())?;
        require(available >= amount, InsufficientBalance)
    }

    /// Records a nonce that is higher than the buyer's last one.
    #[inline(always)]
    fn use_nonce(&mut self, nonce: U64) -> ProgramResult {
        let wallet = self.buyer.address();
        Trader::open(self.program_id, self.payer, self.trader, wallet)?.use_nonce(nonce)
    }

    /// Makes the offer's account and its escrow, and fills that; returns their bumps.
    #[inline(always)]
    fn make(&self, nonce: &U64, amount: u64) -> Result<(u8, u8), ProgramError> {
        let creation = Creation {
            program_id: self.program_id,
            payer: self.payer,
            wallet: self.buyer.address(),
            entry: self.offer,
            escrow: self.escrow,
            mint: self.grx_mint,
        };
        let bump = creation.make_entry::<Offer>(nonce)?;
        let escrow_bump = creation.fill_escrow(self.buyer_grx, self.buyer, amount)?;
        Ok((bump, escrow_bump))
    }
}

pub fn process(call: Call) -> ProgramResult {
    let Call {
        program_id,
        accounts,
        arguments,
    } = call;
    let terms: &Terms = from_bytes(arguments).ok_or(InvalidArguments)?;
    let now = Now::get()?.timestamp();
    let total = terms.validate(now)?;
    let mut accounts = Accounts::new(program_id, accounts)?;
    accounts.require_grx(total)?;
    accounts.use_nonce(terms.nonce)?;
    let number = accounts.market.next_offer_number;
    let next = accounts.market.next_offer_number.increment();
    next.ok_or(ArithmeticOverflow)?;
    let sequence = accounts.market.next_event()?;
    let (bump, escrow_bump) = accounts.make(&terms.nonce, total)?;
    let offer = Offer {
        number,
        buyer: *accounts.buyer.address(),
        nonce: terms.nonce,
        amount_mwh: terms.amount_mwh,
        filled_mwh: U64::new(0),
        price_micro_grx: terms.price_micro_grx,
        status: OrderStatus::Active as u8,
        created_at: I64::new(now),
        expires_at: terms.expires_at,
        rent_payer: *accounts.payer.address(),
        entered: 0,
        escrow_bump,
        bump,
    };
    accounts::initialise(accounts.offer, offer)?;
    accounts.events.emit(OfferCreated {
        sequence,
        offer: *accounts.offer.address(),
        number,
        buyer: *accounts.buyer.address(),
        amount_mwh: terms.amount_mwh,
        price_micro_grx: terms.price_micro_grx,
        expires_at: terms.expires_at,
        timestamp: I64::new(now),
    })
}
