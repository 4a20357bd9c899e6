//! `close_order`: anyone removes an order that is over; its rent goes back to who paid it.

use super::Call;
use crate::error::TradingError::{InvalidAccount, InvalidArguments, WrongNumberOfAccounts};
use crate::events::{self, OrderClosed};
use crate::state::entry::Closing;
use crate::state::market::Market;
use crate::state::order::Order;
use common::accounts;
use common::codec::{I64, U64};
use common::error::require;
use common::time::Now;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let Call {
        program_id,
        accounts,
        arguments,
    } = call;
    require(arguments.is_empty(), InvalidArguments)?;
    let [market, order, escrow, seller_energy, rent_payer, token_program, event_authority, program] =
        accounts
    else {
        return Err(WrongNumberOfAccounts.into());
    };
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let address = *order.address();
    let state = accounts::load_mut::<Order, _>(order, program_id, InvalidAccount)?.clone();
    state.require_over()?;
    let sequence = market.next_event()?;
    let mut closing = Closing {
        program_id,
        entry: order,
        escrow,
        rent_payer,
        mint: &market.energy_mint,
        heir: &state.seller,
        heir_token: seller_energy,
    };
    let swept = closing.close(&state)?;
    events.emit(OrderClosed {
        sequence,
        order: address,
        number: state.number,
        seller: state.seller,
        swept_mwh: U64::new(swept),
        timestamp: I64::new(Now::get()?.timestamp()),
    })
}
