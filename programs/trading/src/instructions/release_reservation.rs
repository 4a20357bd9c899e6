//! `release_reservation`: gives up a reservation that was not paid: by anyone once its time is
//! over, or as soon as guardians attest that the payment's deadline passed without one.

use super::Call;
use crate::attestation::{Subject, UNPAID};
use crate::error::TradingError::{InvalidAccount, TooEarly};
use crate::events::{self, ReservationReleased};
use crate::state::entry::{Closing, Entry};
use crate::state::market::Market;
use crate::state::order::Order;
use crate::state::reservation::Reservation;
use crate::state::trader::Trader;
use crate::tokens;
use common::accounts;
use common::codec::{I64, U64};
use common::error::require;
use common::time::Now;
use pinocchio::ProgramResult;
use pinocchio_token::instructions::Transfer;

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    call.arguments::<[u8; 0]>()?;
    let [market_account, order_account, escrow, reservation_account, reservation_escrow, trader, seller_energy, treasury_grx, rent_payer, guardians, instructions_sysvar, token_program, event_authority, program] =
        call.accounts()?;
    let now = Now::get()?.timestamp();
    let market_address = *market_account.address();
    let mut market = accounts::load_mut::<Market, _>(market_account, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-release-token-program-check"))]
    accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let address = *reservation_account.address();
    let reservation =
        accounts::load_mut::<Reservation, _>(reservation_account, program_id, InvalidAccount)?
            .clone();
    #[cfg(not(feature = "without-release-order-check"))]
    accounts::is(order_account, &reservation.order, InvalidAccount)?;
    if now <= reservation.hold_until.get() {
        #[cfg(not(feature = "without-deadline-check"))]
        require(now > reservation.pay_deadline.get(), TooEarly)?;
        let subject = Subject {
            program_id,
            market_address: &market_address,
            market: &market,
            reservation_address: &address,
            reservation: &reservation,
        };
        #[cfg(not(feature = "without-release-attestation"))]
        subject.require_attested(UNPAID, guardians, instructions_sysvar)?;
    }
    let (order, returned) = {
        let mut order = accounts::load_mut::<Order, _>(order_account, program_id, InvalidAccount)?;
        let payment = reservation.payment_micro_grx.get();
        let returned = order.release(reservation.amount_mwh.get(), payment)?;
        (order.clone(), returned)
    };
    Trader::load(program_id, trader, &reservation.buyer)?.close_reservation(&address)?;
    let sequence = market.next_event()?;
    if returned != 0 {
        #[cfg(not(feature = "without-release-escrow-check"))]
        order.require_escrow(program_id, order_account.address(), escrow)?;
        #[cfg(not(feature = "without-release-receipt-check"))]
        tokens::owned(seller_energy, &market.energy_mint, &order.seller)?;
        let give_back = Transfer::new(escrow, seller_energy, order_account, returned);
        order.signed(|signers| give_back.invoke_signed(signers))?;
    }
    let mut closing = Closing {
        program_id,
        entry: reservation_account,
        escrow: reservation_escrow,
        rent_payer,
        mint: &market.grx_mint,
        heir: &reservation.treasury,
        heir_token: treasury_grx,
    };
    closing.close(&reservation)?;
    events.emit(ReservationReleased {
        sequence,
        reservation: address,
        order: reservation.order,
        number: order.number,
        seller: reservation.seller,
        buyer: reservation.buyer,
        amount_mwh: reservation.amount_mwh,
        payment_micro_grx: reservation.payment_micro_grx,
        returned_mwh: U64::new(returned),
        reserved_mwh: order.reserved_mwh,
        status: order.status,
        timestamp: I64::new(now),
    })
}
