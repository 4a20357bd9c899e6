//! `create_offer`: asks for energy at a price, and moves the GRX for it into the offer's escrow.

use super::Call;
use crate::error::TradingError::{ArithmeticOverflow, InvalidArguments};
use crate::events::OfferCreated;
use crate::listing::Creating;
use crate::state::offer::Offer;
use crate::state::order::OrderStatus;
use crate::state::terms::Terms;
use common::accounts;
use common::codec::{from_bytes, I64, U64};
use common::time::Now;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let terms: &Terms = from_bytes(call.arguments).ok_or(InvalidArguments)?;
    let now = Now::get()?;
    let total = terms.validate(now)?;
    let mut creating = Creating::new::<Offer>(call.program_id, call.accounts)?;
    let number = creating.market.next_offer_number;
    let next = creating.market.next_offer_number.increment();
    next.ok_or(ArithmeticOverflow)?;
    let sequence = creating.market.next_event()?;
    let (bump, escrow_bump) = creating.make::<Offer>(&terms.nonce, total)?;
    let offer = Offer {
        number,
        buyer: *creating.maker.address(),
        nonce: terms.nonce,
        amount_mwh: terms.amount_mwh,
        filled_mwh: U64::new(0),
        price_micro_grx: terms.price_micro_grx,
        status: OrderStatus::Active as u8,
        created_at: I64::new(now.timestamp()),
        expires_at: terms.expires_at,
        rent_payer: *creating.payer.address(),
        entered: 0,
        escrow_bump,
        bump,
    };
    accounts::initialise(creating.entry, offer)?;
    creating.events.emit(OfferCreated {
        sequence,
        offer: *creating.entry.address(),
        number,
        buyer: *creating.maker.address(),
        amount_mwh: terms.amount_mwh,
        price_micro_grx: terms.price_micro_grx,
        expires_at: terms.expires_at,
        timestamp: I64::new(now.timestamp()),
    })
}
