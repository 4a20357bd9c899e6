//! `accept_offer`: delivers the whole or a part of what a buyer wants, at the offer's price.

use super::Call;
use crate::events::OfferAccepted;
use crate::listing;
use crate::state::offer::Offer;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let trade = listing::trade::<Offer>(call)?;
    let offer = &trade.listing;
    trade.events.emit(OfferAccepted {
        sequence: trade.sequence,
        offer: trade.address,
        number: offer.number,
        seller: *trade.taker,
        buyer: offer.buyer,
        amount_mwh: trade.amount_mwh,
        price_micro_grx: offer.price_micro_grx,
        payment_micro_grx: trade.payment_micro_grx,
        filled_mwh: offer.filled_mwh,
        status: offer.status,
        timestamp: trade.timestamp,
    })
}
