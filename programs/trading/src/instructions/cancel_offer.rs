//! `cancel_offer`: the buyer ends their offer; the GRX left go back to the buyer.

use super::Call;
use crate::error::TradingError::{
    InvalidAccount, InvalidArguments, MissingSignature, Unauthorized, WrongNumberOfAccounts,
};
use crate::events::{self, OfferCancelled};
use crate::state::entry::Entry;
use crate::state::market::Market;
use crate::state::offer::Offer;
use crate::state::order::OrderStatus;
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
    offer: &'a mut AccountView,
    escrow: &'a AccountView,
    buyer: &'a AccountView,
    buyer_grx: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, offer, escrow, buyer, buyer_grx, token_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        accounts::signer(buyer, MissingSignature)?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            offer,
            escrow,
            buyer,
            buyer_grx,
        })
    }

    /// Ends the offer, which is the buyer's own; returns it as it is then, and what goes back.
    #[inline(always)]
    fn enter(&mut self) -> Result<(Offer, u64), ProgramError> {
        let program_id = self.program_id;
        let mut offer = accounts::load_mut::<Offer, _>(self.offer, program_id, InvalidAccount)?;
        require(address_eq(&offer.buyer, self.buyer.address()), Unauthorized)?;
        let returned = offer.end(OrderStatus::Cancelled)?;
        Ok((offer.clone(), returned))
    }

    /// Gives back what lies in the escrow for it.
    #[inline(always)]
    fn give_back(&self, offer: &Offer, amount: u64) -> ProgramResult {
        offer.require_escrow(self.program_id, self.offer.address(), self.escrow)?;
        tokens::owned(self.buyer_grx, &self.market.grx_mint, &offer.buyer)?;
        let transfer = Transfer::new(self.escrow, self.buyer_grx, self.offer, amount);
        offer.signed(|signers| transfer.invoke_signed(signers))
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
    let (offer, returned) = accounts.enter()?;
    let sequence = accounts.market.next_event()?;
    accounts.give_back(&offer, returned)?;
    accounts.events.emit(OfferCancelled {
        sequence,
        offer: *accounts.offer.address(),
        number: offer.number,
        buyer: offer.buyer,
        refunded_micro_grx: U64::new(returned),
        filled_mwh: offer.filled_mwh,
        status: offer.status,
        timestamp: I64::new(now),
    })
}
