//! `create_order`: offers energy for sale, and moves it into the order's escrow.

use super::Call;
use crate::error::TradingError::{ArithmeticOverflow, InvalidArguments};
use crate::events::OrderCreated;
use crate::listing::Creating;
use crate::state::order::{Order, OrderStatus};
use crate::state::terms::Terms;
use common::accounts;
use common::codec::{from_bytes, I64, U64};
use common::time::Now;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let terms: &Terms = from_bytes(call.arguments).ok_or(InvalidArguments)?;
    let now = Now::get()?;
    terms.validate(now)?;
    let mut creating = Creating::new::<Order>(call.program_id, call.accounts)?;
    let number = creating.market.next_order_number;
    let next = creating.market.next_order_number.increment();
    next.ok_or(ArithmeticOverflow)?;
    let sequence = creating.market.next_event()?;
    let (bump, escrow_bump) = creating.make::<Order>(&terms.nonce, terms.amount_mwh.get())?;
    let order = Order {
        number,
        seller: *creating.maker.address(),
        nonce: terms.nonce,
        amount_mwh: terms.amount_mwh,
        filled_mwh: U64::new(0),
        reserved_mwh: U64::new(0),
        returned_mwh: U64::new(0),
        price_micro_grx: terms.price_micro_grx,
        paid_micro_grx: U64::new(0),
        reserved_micro_grx: U64::new(0),
        status: OrderStatus::Active as u8,
        ending: 0,
        created_at: I64::new(now.timestamp()),
        expires_at: terms.expires_at,
        rent_payer: *creating.payer.address(),
        entered: 0,
        escrow_bump,
        bump,
    };
    accounts::initialise(creating.entry, order)?;
    creating.events.emit(OrderCreated {
        sequence,
        order: *creating.entry.address(),
        number,
        seller: *creating.maker.address(),
        amount_mwh: terms.amount_mwh,
        price_micro_grx: terms.price_micro_grx,
        expires_at: terms.expires_at,
        timestamp: I64::new(now.timestamp()),
    })
}
