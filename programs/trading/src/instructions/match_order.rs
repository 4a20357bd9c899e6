//! `match_order`: sells the whole or a part of an order for GRX, at the order's price.

use crate::error::TradingError::{
    AmountMismatch, ArithmeticOverflow, InsufficientBalance, InvalidAccount, InvalidArguments,
    InvalidTokenAccount, MissingSignature, SelfTradingNotAllowed, WrongNumberOfAccounts,
};
use crate::events::{self, TradeExecuted, PAYMENT_GRX};
use crate::state::market::Market;
use crate::state::order::{require_lots, Order};
use crate::tokens;
use common::accounts;
use common::codec::{from_bytes, I64, U64};
use common::error::require;
use common::events::EventSink;
use common::time::Now;
use pinocchio::{
    account::RefMut,
    address::address_eq,
    cpi::{Seed, Signer},
    error::ProgramError,
    AccountView, Address, ProgramResult,
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
        let energy = &self.market.energy_mint;
        let escrow = Address::derive_address(
            &[Order::ESCROW_SEED, self.order.address().as_array()],
            Some(order.escrow_bump),
            self.program_id,
        );
        accounts::is(self.escrow, &escrow, InvalidAccount)?;
        self.require_owned(self.buyer_energy, energy, self.buyer.address())?;
        let grx = &self.market.grx_mint;
        let available = self.require_owned(self.buyer_grx, grx, self.buyer.address())?;
        self.require_owned(self.seller_grx, grx, &order.seller)?;
        require(available >= payment, InsufficientBalance)
    }

    /// A token account of this mint and owner; returns what it holds.
    #[inline(always)]
    fn require_owned(
        &self,
        account: &AccountView,
        mint: &Address,
        owner: &Address,
    ) -> Result<u64, ProgramError> {
        let token = accounts::token_account(account, mint, InvalidTokenAccount)?;
        require(address_eq(token.owner(), owner), InvalidTokenAccount)?;
        Ok(token.amount())
    }

    /// Moves the payment to the seller and the energy to the buyer.
    #[inline(always)]
    fn exchange(&self, order: &Order, amount_mwh: u64, payment: u64) -> ProgramResult {
        let nonce = order.nonce.get().to_le_bytes();
        let bump = [order.bump];
        let seeds = [
            Seed::from(Order::SEED),
            Seed::from(order.seller.as_array()),
            Seed::from(&nonce),
            Seed::from(&bump),
        ];
        tokens::batch(
            Transfer::new(self.buyer_grx, self.seller_grx, self.buyer, payment),
            Transfer::new(self.escrow, self.buyer_energy, self.order, amount_mwh),
            &[Signer::from(&seeds)],
        )
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

pub fn process(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let amount_mwh = arguments.amount_mwh.get();
    require_lots(amount_mwh)?;
    let now = Now::get()?.timestamp();
    let mut accounts = Accounts::new(program_id, accounts)?;
    let (order, payment) = accounts.enter(arguments, now)?;
    accounts.require_tokens(&order, payment)?;
    accounts
        .market
        .event_sequence
        .increment()
        .ok_or(ArithmeticOverflow)?;
    accounts.exchange(&order, amount_mwh, payment)?;
    accounts.leave()?;
    accounts.events.emit(TradeExecuted {
        sequence: accounts.market.event_sequence,
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
    })
}
