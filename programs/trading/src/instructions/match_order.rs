//! `match_order`: sells the whole or a part of an order for GRX, at the order's price.

use super::Call;
use crate::error::TradingError::{
    AmountMismatch, InsufficientBalance, InvalidAccount, InvalidArguments, MissingSignature,
    SelfTradingNotAllowed, WrongNumberOfAccounts,
};
use crate::events::{self, TradeExecuted, PAYMENT_GRX};
use crate::state::entry::Entry;
use crate::state::market::Market;
use crate::state::order::Order;
use crate::state::terms::require_lots;
use crate::state::trader::NONE;
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
    order: &'a mut AccountView,
    escrow: &'a AccountView,
    buyer: &'a AccountView,
    buyer_energy: &'a AccountView,
    buyer_grx: &'a AccountView,
    seller_grx: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, order, escrow, buyer, buyer_user, buyer_energy, buyer_grx, seller_grx, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        market.require_open()?;
        accounts::signer(buyer, MissingSignature)?;
        market.require_registered(buyer_user, buyer.address())?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            order,
            escrow,
            buyer,
            buyer_energy,
            buyer_grx,
            seller_grx,
        })
    }

    /// Fills a part of the order and marks it as being in a trade; returns it as it is then, and
    /// what the buyer pays.
    #[inline(always)]
    fn enter(&mut self, arguments: &Arguments, now: i64) -> Result<(Order, u64), ProgramError> {
        let program_id = self.program_id;
        let mut order = accounts::load_mut::<Order, _>(self.order, program_id, InvalidAccount)?;
        order.require_open(now)?;
        require(
            !address_eq(&order.seller, self.buyer.address()),
            SelfTradingNotAllowed,
        )?;
        require(
            order.price_micro_grx == arguments.price_micro_grx,
            AmountMismatch,
        )?;
        let payment = order.fill(arguments.amount_mwh.get())?;
        order.entered = 1;
        Ok((order.clone(), payment))
    }

    /// The four token accounts are those of this order, buyer and seller, and the buyer can pay.
    #[inline(always)]
    fn require_tokens(&self, order: &Order, payment: u64) -> ProgramResult {
        let (energy, grx) = (&self.market.energy_mint, &self.market.grx_mint);
        let buyer = self.buyer.address();
        order.require_escrow(self.program_id, self.order.address(), self.escrow)?;
        tokens::owned(self.buyer_energy, energy, buyer)?;
        let available = tokens::owned(self.buyer_grx, grx, buyer)?;
        tokens::owned(self.seller_grx, grx, &order.seller)?;
        require(available >= payment, InsufficientBalance)
    }

    /// Moves the payment to the seller and the energy to the buyer.
    #[inline(always)]
    fn exchange(&self, order: &Order, amount_mwh: u64, payment: u64) -> ProgramResult {
        let pay = Transfer::new(self.buyer_grx, self.seller_grx, self.buyer, payment);
        let deliver = Transfer::new(self.escrow, self.buyer_energy, self.order, amount_mwh);
        order.signed(|signers| tokens::batch(pay, deliver, signers))
    }

    /// The trade is over: the order may be traded again.
    #[inline(always)]
    fn leave(&mut self) -> ProgramResult {
        let program_id = self.program_id;
        let mut order = accounts::load_mut::<Order, _>(self.order, program_id, InvalidAccount)?;
        order.entered = 0;
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
    let (order, payment) = accounts.enter(arguments, now)?;
    accounts.require_tokens(&order, payment)?;
    let sequence = accounts.market.next_event()?;
    accounts.exchange(&order, amount_mwh, payment)?;
    accounts.leave()?;
    accounts.events.emit(TradeExecuted {
        sequence,
        order: *accounts.order.address(),
        number: order.number,
        seller: order.seller,
        buyer: *accounts.buyer.address(),
        amount_mwh: arguments.amount_mwh,
        price_micro_grx: order.price_micro_grx,
        payment_micro_grx: U64::new(payment),
        filled_mwh: order.filled_mwh,
        status: order.status,
        payment_method: PAYMENT_GRX,
        timestamp: I64::new(now),
        reservation: NONE,
        payment_micro_thbc: U64::new(0),
    })
}
