//! `close_order`: anyone removes an order that is over and older than its nonce can be used; its
//! rent goes back to who paid it.

use super::Call;
use crate::events::OrderClosed;
use crate::listing;
use crate::state::order::Order;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let closed = listing::close::<Order>(call)?;
    closed.events.emit(OrderClosed {
        sequence: closed.sequence,
        order: closed.address,
        number: closed.listing.number,
        seller: closed.listing.seller,
        swept_mwh: closed.returned,
        timestamp: closed.timestamp,
    })
}
