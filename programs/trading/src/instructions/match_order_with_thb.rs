//! `match_order_with_thb`: guardians attest that a reservation was paid in baht; the buyer gets the
//! energy and the seller the treasury's GRX, exactly as they were reserved.

use super::Call;
use crate::attestation::{Subject, PAID};
use crate::error::TradingError::{InvalidAccount, TooLate};
use crate::events::{self, TradeExecuted, PAYMENT_THB};
use crate::state::entry::{Closing, Entry};
use crate::state::market::Market;
use crate::state::order::Order;
use crate::state::reservation::Reservation;
use crate::state::trader::Trader;
use crate::tokens;
use common::accounts;
use common::codec::I64;
use common::error::require;
use common::time::Now;
use pinocchio::ProgramResult;
use pinocchio_token::instructions::Transfer;

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    call.arguments::<[u8; 0]>()?;
    let [market_account, order_account, escrow, reservation_account, reservation_escrow, trader, buyer_energy, seller_grx, rent_payer, guardians, instructions_sysvar, token_program, event_authority, program] =
        call.accounts()?;
    let now = Now::get()?.timestamp();
    let market_address = *market_account.address();
    let mut market = accounts::load_mut::<Market, _>(market_account, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-payment-pause-check"))]
    market.require_open()?;
    #[cfg(not(feature = "without-payment-token-program-check"))]
    accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let address = *reservation_account.address();
    let reservation =
        accounts::load_mut::<Reservation, _>(reservation_account, program_id, InvalidAccount)?
            .clone();
    #[cfg(not(feature = "without-payment-order-check"))]
    accounts::is(order_account, &reservation.order, InvalidAccount)?;
    #[cfg(not(feature = "without-hold-check"))]
    require(now <= reservation.hold_until.get(), TooLate)?;
    let subject = Subject {
        program_id,
        market_address: &market_address,
        market: &market,
        reservation_address: &address,
        reservation: &reservation,
    };
    #[cfg(not(feature = "without-payment-attestation"))]
    subject.require_attested(PAID, guardians, instructions_sysvar)?;
    let amount_mwh = reservation.amount_mwh.get();
    let order = {
        let mut order = accounts::load_mut::<Order, _>(order_account, program_id, InvalidAccount)?;
        order.fill_reserved(amount_mwh, reservation.payment_micro_grx.get())?;
        order.clone()
    };
    Trader::load(program_id, trader, &reservation.buyer)?.close_reservation(&address)?;
    let sequence = market.next_event()?;
    #[cfg(not(feature = "without-payment-escrow-check"))]
    order.require_escrow(program_id, order_account.address(), escrow)?;
    #[cfg(not(feature = "without-buyer-receipt-check"))]
    tokens::owned(buyer_energy, &market.energy_mint, &reservation.buyer)?;
    let deliver = Transfer::new(escrow, buyer_energy, order_account, amount_mwh);
    order.signed(|signers| deliver.invoke_signed(signers))?;
    let mut closing = Closing {
        program_id,
        entry: reservation_account,
        escrow: reservation_escrow,
        rent_payer,
        mint: &market.grx_mint,
        heir: &reservation.seller,
        heir_token: seller_grx,
    };
    closing.close(&reservation)?;
    events.emit(TradeExecuted {
        sequence,
        order: reservation.order,
        number: order.number,
        seller: reservation.seller,
        buyer: reservation.buyer,
        amount_mwh: reservation.amount_mwh,
        price_micro_grx: order.price_micro_grx,
        payment_micro_grx: reservation.payment_micro_grx,
        filled_mwh: order.filled_mwh,
        status: order.status,
        payment_method: PAYMENT_THB,
        timestamp: I64::new(now),
        reservation: address,
        payment_micro_thbc: reservation.payment_micro_thbc,
    })
}
