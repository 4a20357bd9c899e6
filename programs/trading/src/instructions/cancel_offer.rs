//! `cancel_offer`: the buyer ends their offer; the GRX left go back to the buyer.

use super::Call;
use crate::events::OfferCancelled;
use crate::listing;
use crate::state::offer::Offer;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let ended = listing::cancel::<Offer>(call)?;
    let offer = &ended.listing;
    ended.events.emit(OfferCancelled {
        sequence: ended.sequence,
        offer: ended.address,
        number: offer.number,
        buyer: offer.buyer,
        refunded_micro_grx: ended.returned,
        filled_mwh: offer.filled_mwh,
        status: offer.status,
        timestamp: ended.timestamp,
    })
}
