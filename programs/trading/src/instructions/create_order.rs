//! `create_order`: offers energy for sale, and moves it into the order's escrow.

use super::Call;
use crate::error::TradingError::{
    ArithmeticOverflow, InsufficientBalance, InvalidAccount, InvalidArguments, InvalidMint,
    InvalidNonce, MissingSignature, WrongNumberOfAccounts,
};
use crate::events::{self, OrderCreated};
use crate::state::entry::Creation;
use crate::state::market::Market;
use crate::state::order::{Order, OrderStatus};
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
    seller: &'a AccountView,
    trader: &'a mut AccountView,
    order: &'a mut AccountView,
    escrow: &'a AccountView,
    seller_energy: &'a AccountView,
    energy_mint: &'a AccountView,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, seller, seller_user, trader, order, escrow, seller_energy, energy_mint, payer, token_program, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        market.require_open()?;
        accounts::signer(seller, MissingSignature)?;
        accounts::signer(payer, MissingSignature)?;
        market.require_registered(seller_user, seller.address())?;
        accounts::vacant(order, InvalidNonce)?;
        accounts::is(energy_mint, &market.energy_mint, InvalidMint)?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            seller,
            trader,
            order,
            escrow,
            seller_energy,
            energy_mint,
            payer,
        })
    }

    /// The seller has that much energy in a token account of their own.
    #[inline(always)]
    fn require_energy(&self, amount: u64) -> ProgramResult {
        let mint = &self.market.energy_mint;
        let available = tokens::owned(self.seller_energy, mint, self.seller.address())?;
        require(available >= amount, InsufficientBalance)
    }

    /// Records a nonce that is higher than the seller's last one.
    #[inline(always)]
    fn use_nonce(&mut self, nonce: U64) -> ProgramResult {
        let wallet = self.seller.address();
        Trader::open(self.program_id, self.payer, self.trader, wallet)?.use_nonce(nonce)
    }

    /// Makes the order's account and its escrow, and fills that; returns their bumps.
    #[inline(always)]
    fn make(&self, nonce: &U64, amount: u64) -> Result<(u8, u8), ProgramError> {
        let creation = Creation {
            program_id: self.program_id,
            payer: self.payer,
            wallet: self.seller.address(),
            entry: self.order,
            escrow: self.escrow,
            mint: self.energy_mint,
        };
        let bump = creation.make_entry::<Order>(nonce)?;
        let escrow_bump = creation.fill_escrow(self.seller_energy, self.seller, amount)?;
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
    terms.validate(now)?;
    let mut accounts = Accounts::new(program_id, accounts)?;
    accounts.require_energy(terms.amount_mwh.get())?;
    accounts.use_nonce(terms.nonce)?;
    let number = accounts.market.next_order_number;
    let next = accounts.market.next_order_number.increment();
    next.ok_or(ArithmeticOverflow)?;
    let sequence = accounts.market.next_event()?;
    let (bump, escrow_bump) = accounts.make(&terms.nonce, terms.amount_mwh.get())?;
    let order = Order {
        number,
        seller: *accounts.seller.address(),
        nonce: terms.nonce,
        amount_mwh: terms.amount_mwh,
        filled_mwh: U64::new(0),
        reserved_mwh: U64::new(0),
        returned_mwh: U64::new(0),
        price_micro_grx: terms.price_micro_grx,
        paid_micro_grx: U64::new(0),
        reserved_micro_grx: U64::new(0),
        status: OrderStatus::Active as u8,
        ending: 0,
        created_at: I64::new(now),
        expires_at: terms.expires_at,
        rent_payer: *accounts.payer.address(),
        entered: 0,
        escrow_bump,
        bump,
    };
    accounts::initialise(accounts.order, order)?;
    accounts.events.emit(OrderCreated {
        sequence,
        order: *accounts.order.address(),
        number,
        seller: *accounts.seller.address(),
        amount_mwh: terms.amount_mwh,
        price_micro_grx: terms.price_micro_grx,
        expires_at: terms.expires_at,
        timestamp: I64::new(now),
    })
}
