//! `match_order`: sells the whole or a part of an order for GRX, at the order's price.

use super::Call;
use crate::events::{TradeExecuted, PAYMENT_GRX};
use crate::listing;
use crate::state::order::Order;
use crate::state::trader::NONE;
use common::codec::U64;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let trade = listing::trade::<Order>(call)?;
    let order = &trade.listing;
    trade.events.emit(TradeExecuted {
        sequence: trade.sequence,
        order: trade.address,
        number: order.number,
        seller: order.seller,
        buyer: *trade.taker,
        amount_mwh: trade.amount_mwh,
        price_micro_grx: order.price_micro_grx,
        payment_micro_grx: trade.payment_micro_grx,
        filled_mwh: order.filled_mwh,
        status: order.status,
        payment_method: PAYMENT_GRX,
        timestamp: trade.timestamp,
        reservation: NONE,
        payment_micro_thbc: U64::new(0),
    })
}
