//! `close_offer`: anyone removes an offer that is over; its rent goes back to who paid it.

use super::Call;
use crate::error::TradingError::{InvalidAccount, InvalidArguments, WrongNumberOfAccounts};
use crate::events::{self, OfferClosed};
use crate::state::entry::Closing;
use crate::state::market::Market;
use crate::state::offer::Offer;
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
    let [market, offer, escrow, buyer_grx, rent_payer, token_program, event_authority, program] =
        accounts
    else {
        return Err(WrongNumberOfAccounts.into());
    };
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let address = *offer.address();
    let state = accounts::load_mut::<Offer, _>(offer, program_id, InvalidAccount)?.clone();
    state.require_over()?;
    let sequence = market.next_event()?;
    let mut closing = Closing {
        program_id,
        entry: offer,
        escrow,
        rent_payer,
        mint: &market.grx_mint,
        heir: &state.buyer,
        heir_token: buyer_grx,
    };
    let swept = closing.close(&state)?;
    events.emit(OfferClosed {
        sequence,
        offer: address,
        number: state.number,
        buyer: state.buyer,
        swept_micro_grx: U64::new(swept),
        timestamp: I64::new(Now::get()?.timestamp()),
    })
}
