//! `cancel`: the seller ends their order; what is neither sold nor reserved goes back to the seller.

use super::Call;
use crate::events::OrderCancelled;
use crate::listing;
use crate::state::order::Order;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let ended = listing::cancel::<Order>(call)?;
    let order = &ended.listing;
    ended.events.emit(OrderCancelled {
        sequence: ended.sequence,
        order: ended.address,
        number: order.number,
        seller: order.seller,
        returned_mwh: ended.returned,
        filled_mwh: order.filled_mwh,
        reserved_mwh: order.reserved_mwh,
        status: order.status,
        timestamp: ended.timestamp,
    })
}
