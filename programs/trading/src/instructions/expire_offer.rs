//! `expire_offer`: anyone ends an offer whose time is up; the GRX left go back to the buyer.

use super::Call;
use crate::events::OfferExpired;
use crate::listing;
use crate::state::offer::Offer;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let ended = listing::expire::<Offer>(call)?;
    let offer = &ended.listing;
    ended.events.emit(OfferExpired {
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
