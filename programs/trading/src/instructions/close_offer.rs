//! `close_offer`: anyone removes an offer that is over and older than its nonce can be used; its
//! rent goes back to who paid it.

use super::Call;
use crate::events::OfferClosed;
use crate::listing;
use crate::state::offer::Offer;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let closed = listing::close::<Offer>(call)?;
    closed.events.emit(OfferClosed {
        sequence: closed.sequence,
        offer: closed.address,
        number: closed.listing.number,
        buyer: closed.listing.buyer,
        swept_micro_grx: closed.returned,
        timestamp: closed.timestamp,
    })
}
