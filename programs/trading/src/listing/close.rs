//! The end of a listing's accounts.

use super::Ended;
use crate::error::TradingError::InvalidAccount;
use crate::events;
use crate::instructions::Call;
use crate::state::entry::Closing;
use crate::state::listing::Listing;
use crate::state::market::Market;
use crate::state::terms::require_spent;
use common::accounts;
use common::codec::{I64, U64};
use common::time::Now;
use pinocchio::error::ProgramError;

/// Removes a listing that is over, once nothing can be made at its address again; what somebody
/// gave to its escrow goes to its maker.
#[inline(always)]
pub fn close<T: Listing>(call: Call<'_>) -> Result<Ended<'_, T>, ProgramError> {
    let program_id = call.program_id;
    call.arguments::<[u8; 0]>()?;
    let [market, entry, escrow, maker_token, rent_payer, token_program, event_authority, program] =
        call.accounts()?;
    let now = Now::get()?;
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-close-token-program-check"))]
    accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let address = *entry.address();
    let listing = accounts::load_mut::<T, _>(entry, program_id, InvalidAccount)?.clone();
    let (maker, nonce) = listing.owner();
    #[cfg(not(feature = "without-close-over-check"))]
    listing.require_over()?;
    require_spent(nonce, now)?;
    let sequence = market.next_event()?;
    let mut closing = Closing {
        program_id,
        entry,
        escrow,
        rent_payer,
        mint: T::mints(&market).0,
        heir: maker,
        heir_token: maker_token,
    };
    let returned = closing.close(&listing)?;
    Ok(Ended {
        sequence,
        address,
        listing,
        returned: U64::new(returned),
        timestamp: I64::new(now.timestamp()),
        events,
    })
}
