//! `cancel`: the seller ends their order; what is neither sold nor reserved goes back to the seller.

use super::Call;
use crate::error::TradingError::{
    InvalidAccount, InvalidArguments, MissingSignature, Unauthorized, WrongNumberOfAccounts,
};
use crate::events::{self, OrderCancelled};
use crate::state::entry::Entry;
use crate::state::market::Market;
use crate::state::order::{Ending, Order};
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

struct Accounts<'a> {
    program_id: &'a Address,
    market: RefMut<'a, Market>,
    order: &'a mut AccountView,
    escrow: &'a AccountView,
    seller: &'a AccountView,
    seller_energy: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, order, escrow, seller, seller_energy, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        accounts::signer(seller, MissingSignature)?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            order,
            escrow,
            seller,
            seller_energy,
        })
    }

    /// Ends the order, which is the seller's own; returns it as it is then, and what goes back.
    #[inline(always)]
    fn enter(&mut self) -> Result<(Order, u64), ProgramError> {
        let program_id = self.program_id;
        let mut order = accounts::load_mut::<Order, _>(self.order, program_id, InvalidAccount)?;
        require(
            address_eq(&order.seller, self.seller.address()),
            Unauthorized,
        )?;
        let returned = order.end(Ending::Cancelled)?;
        Ok((order.clone(), returned))
    }

    /// Gives back what lies in the escrow for it.
    #[inline(always)]
    fn give_back(&self, order: &Order, amount: u64) -> ProgramResult {
        order.require_escrow(self.program_id, self.order.address(), self.escrow)?;
        tokens::owned(self.seller_energy, &self.market.energy_mint, &order.seller)?;
        let transfer = Transfer::new(self.escrow, self.seller_energy, self.order, amount);
        order.signed(|signers| transfer.invoke_signed(signers))
    }
}

pub fn process(call: Call) -> ProgramResult {
    let Call {
        program_id,
        accounts,
        arguments,
    } = call;
    require(arguments.is_empty(), InvalidArguments)?;
    let now = Now::get()?.timestamp();
    let mut accounts = Accounts::new(program_id, accounts)?;
    let (order, returned) = accounts.enter()?;
    let sequence = accounts.market.next_event()?;
    accounts.give_back(&order, returned)?;
    accounts.events.emit(OrderCancelled {
        sequence,
        order: *accounts.order.address(),
        number: order.number,
        seller: order.seller,
        returned_mwh: U64::new(returned),
        filled_mwh: order.filled_mwh,
        reserved_mwh: order.reserved_mwh,
        status: order.status,
        timestamp: I64::new(now),
    })
}
