//! `reserve_order`: the treasury keeps a part of an order for a buyer who will pay in baht, and
//! puts the GRX for the seller aside.

use super::Call;
use crate::error::TradingError::{
    AmountMismatch, InsufficientBalance, InvalidAccount, InvalidMint, InvalidNonce,
    MissingSignature, ReservationOpen, SelfTradingNotAllowed, Unauthorized,
};
use crate::events::{self, Reserved};
use crate::state::entry::Creation;
use crate::state::guardians::Guardians;
use crate::state::listing::Listing;
use crate::state::market::Market;
use crate::state::order::Order;
use crate::state::price::Price;
use crate::state::reservation::Reservation;
use crate::state::terms::{require_lots, MAXIMUM};
use crate::state::trader::{Trader, NONE};
use crate::tokens;
use common::accounts;
use common::codec::{I64, U64};
use common::error::require;
use common::events::EventSink;
use common::time::Now;
use pinocchio::{
    account::{Ref, RefMut},
    address::address_eq,
    error::ProgramError,
    AccountView, Address, ProgramResult,
};

/// The buyer may pay for that long.
const PAYMENT_S: i64 = 600;
/// After the deadline it is held for that long, for the payment to become final and be attested.
const HOLD_S: i64 = 7_200;

common::layout! {
    struct Arguments {
        nonce: U64,
        amount_mwh: U64,
        payment_micro_thbc: U64,
    }
}

struct Accounts<'a> {
    program_id: &'a Address,
    market: RefMut<'a, Market>,
    treasury: &'a AccountView,
    treasury_grx: &'a AccountView,
    order: &'a mut AccountView,
    buyer: &'a AccountView,
    trader: &'a mut AccountView,
    reservation: &'a mut AccountView,
    reservation_escrow: &'a AccountView,
    grx_mint: &'a AccountView,
    price: Ref<'a, Price>,
    guardians: Ref<'a, Guardians>,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(call: Call<'a>) -> Result<Self, ProgramError> {
        let program_id = call.program_id;
        let [market, treasury, treasury_grx, order, buyer, buyer_user, trader, reservation, reservation_escrow, grx_mint, price, guardians, payer, token_program, system_program, event_authority, program] =
            call.accounts()?;
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-reserve-pause-check"))]
        market.require_open()?;
        #[cfg(not(feature = "without-treasury-signature"))]
        accounts::signer(treasury, MissingSignature)?;
        #[cfg(not(feature = "without-reserve-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-treasury-check"))]
        accounts::is(treasury, &market.treasury, Unauthorized)?;
        #[cfg(not(feature = "without-reserve-registration"))]
        market.require_registered(buyer_user, buyer.address())?;
        #[cfg(not(feature = "without-reservation-vacancy-check"))]
        accounts::vacant(reservation, InvalidNonce)?;
        #[cfg(not(feature = "without-reserve-mint-check"))]
        accounts::is(grx_mint, &market.grx_mint, InvalidMint)?;
        #[cfg(not(feature = "without-reserve-token-program-check"))]
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        #[cfg(not(feature = "without-reserve-system-program-check"))]
        accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            price: accounts::load(price, program_id, InvalidAccount)?,
            guardians: accounts::load(guardians, program_id, InvalidAccount)?,
            program_id,
            market,
            treasury,
            treasury_grx,
            order,
            buyer,
            trader,
            reservation,
            reservation_escrow,
            grx_mint,
            payer,
        })
    }

    /// Sets the part of the order apart; returns the order as it is then, and the part's price.
    #[inline(always)]
    fn reserve(&mut self, arguments: &Arguments, now: i64) -> Result<(Order, u64), ProgramError> {
        let program_id = self.program_id;
        let mut order = accounts::load_mut::<Order, _>(self.order, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-reserve-open-check"))]
        order.require_open(now)?;
        #[cfg(not(feature = "without-reserve-self-trade-check"))]
        require(
            !address_eq(&order.seller, self.buyer.address()),
            SelfTradingNotAllowed,
        )?;
        let payment = order.reserve(arguments.amount_mwh.get())?;
        // A payment of nothing could neither be made nor be seen on the bridge's chain.
        let thbc = self.price.in_thbc(payment, now)?;
        #[cfg(not(feature = "without-minimum-payment"))]
        require(thbc != 0, AmountMismatch)?;
        #[cfg(not(feature = "without-slippage-check"))]
        require(thbc == arguments.payment_micro_thbc.get(), AmountMismatch)?;
        Ok((order.clone(), payment))
    }

    /// Records the buyer's one open reservation, under a nonce higher than the last.
    #[inline(always)]
    fn open_reservation(&mut self, nonce: U64) -> ProgramResult {
        let (program_id, buyer) = (self.program_id, self.buyer.address());
        let mut trader = Trader::open(program_id, self.payer, self.trader, buyer)?;
        let last = trader.last_reservation_nonce.get();
        #[cfg(not(feature = "without-reservation-nonce-check"))]
        require(nonce.get() > last, InvalidNonce)?;
        #[cfg(not(feature = "without-maximum-reservation-nonce"))]
        require(nonce.get() <= MAXIMUM, InvalidNonce)?;
        #[cfg(not(feature = "without-single-reservation"))]
        require(address_eq(&trader.open_reservation, &NONE), ReservationOpen)?;
        trader.last_reservation_nonce = nonce;
        trader.open_reservation = *self.reservation.address();
        Ok(())
    }

    /// Makes the reservation's account and its escrow, and fills that; returns their bumps.
    #[inline(always)]
    fn make(&self, nonce: &U64, payment: u64) -> Result<(u8, u8), ProgramError> {
        let treasury = self.treasury.address();
        let available = tokens::owned(self.treasury_grx, &self.market.grx_mint, treasury)?;
        #[cfg(not(feature = "without-treasury-balance-check"))]
        require(available >= payment, InsufficientBalance)?;
        let creation = Creation {
            program_id: self.program_id,
            payer: self.payer,
            wallet: self.buyer.address(),
            entry: self.reservation,
            escrow: self.reservation_escrow,
            mint: self.grx_mint,
        };
        let bump = creation.make_entry::<Reservation>(nonce)?;
        let escrow_bump = creation.fill_escrow(self.treasury_grx, self.treasury, payment)?;
        Ok((bump, escrow_bump))
    }
}

pub fn process(call: Call) -> ProgramResult {
    let arguments: &Arguments = call.arguments()?;
    #[cfg(not(feature = "without-reservation-lot-check"))]
    require_lots(arguments.amount_mwh.get())?;
    let now = Now::get()?.timestamp();
    let mut accounts = Accounts::new(call)?;
    let (order, payment) = accounts.reserve(arguments, now)?;
    accounts.open_reservation(arguments.nonce)?;
    let sequence = accounts.market.next_event()?;
    let (bump, escrow_bump) = accounts.make(&arguments.nonce, payment)?;
    let pay_deadline = now.saturating_add(PAYMENT_S);
    let reservation = Reservation {
        order: *accounts.order.address(),
        seller: order.seller,
        buyer: *accounts.buyer.address(),
        nonce: arguments.nonce,
        amount_mwh: arguments.amount_mwh,
        payment_micro_grx: U64::new(payment),
        payment_micro_thbc: arguments.payment_micro_thbc,
        evm_chain_id: accounts.guardians.evm_chain_id,
        bridge: accounts.guardians.bridge,
        pay_deadline: I64::new(pay_deadline),
        hold_until: I64::new(pay_deadline.saturating_add(HOLD_S)),
        treasury: *accounts.treasury.address(),
        rent_payer: *accounts.payer.address(),
        escrow_bump,
        bump,
    };
    let event = Reserved {
        sequence,
        reservation: *accounts.reservation.address(),
        order: reservation.order,
        number: order.number,
        seller: reservation.seller,
        buyer: reservation.buyer,
        nonce: reservation.nonce,
        amount_mwh: reservation.amount_mwh,
        price_micro_grx: order.price_micro_grx,
        payment_micro_grx: reservation.payment_micro_grx,
        payment_micro_thbc: reservation.payment_micro_thbc,
        rate_micro_thb_per_grx: accounts.price.rate_micro_thb_per_grx,
        evm_chain_id: reservation.evm_chain_id,
        bridge: reservation.bridge,
        pay_deadline: reservation.pay_deadline,
        hold_until: reservation.hold_until,
        reserved_mwh: order.reserved_mwh,
        status: order.status,
        timestamp: I64::new(now),
    };
    accounts::initialise(accounts.reservation, reservation)?;
    accounts.events.emit(event)
}
