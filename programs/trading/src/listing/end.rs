//! The two ways out of the book: the maker cancels, or the time is up.

use super::Ended;
use crate::error::TradingError::{InvalidAccount, MissingSignature, TooEarly, Unauthorized};
use crate::events;
use crate::instructions::Call;
use crate::state::listing::{Ending, Listing};
use crate::state::market::Market;
use crate::state::terms::has_expired;
use crate::tokens;
use common::accounts;
use common::codec::{I64, U64};
use common::error::require;
use common::time::Now;
use pinocchio::{address::address_eq, error::ProgramError, AccountView, Address, ProgramResult};
use pinocchio_token::instructions::Transfer;

/// The maker ends the listing.
#[inline(always)]
pub fn cancel<T: Listing>(call: Call<'_>) -> Result<Ended<'_, T>, ProgramError> {
    call.arguments::<[u8; 0]>()?;
    let program_id = call.program_id;
    let [market, entry, escrow, maker, maker_token, token_program, event_authority, program] =
        call.accounts()?;
    #[cfg(not(feature = "without-cancel-signature"))]
    accounts::signer(maker, MissingSignature)?;
    let ending = Accounts {
        program_id,
        market,
        entry,
        escrow,
        maker_token,
        token_program,
        event_authority,
        program,
    };
    ending.end(Ending::Cancelled, |listing: &T, _| {
        #[cfg(not(feature = "without-order-owner-check"))]
        require(address_eq(listing.owner().0, maker.address()), Unauthorized)?;
        Ok(())
    })
}

/// Anyone ends a listing whose time is up.
#[inline(always)]
pub fn expire<T: Listing>(call: Call<'_>) -> Result<Ended<'_, T>, ProgramError> {
    call.arguments::<[u8; 0]>()?;
    let program_id = call.program_id;
    let [market, entry, escrow, maker_token, token_program, event_authority, program] =
        call.accounts()?;
    let ending = Accounts {
        program_id,
        market,
        entry,
        escrow,
        maker_token,
        token_program,
        event_authority,
        program,
    };
    ending.end(Ending::Expired, |listing: &T, now| {
        #[cfg(not(feature = "without-expire-time-check"))]
        require(has_expired(listing.expires_at(), now), TooEarly)?;
        Ok(())
    })
}

/// What both need; nothing of it is checked yet.
struct Accounts<'a> {
    program_id: &'a Address,
    market: &'a mut AccountView,
    entry: &'a mut AccountView,
    escrow: &'a AccountView,
    maker_token: &'a AccountView,
    token_program: &'a AccountView,
    event_authority: &'a AccountView,
    program: &'a AccountView,
}

impl<'a> Accounts<'a> {
    /// Ends the listing if it may be ended now, and gives what is left back to its maker.
    #[inline(always)]
    fn end<T: Listing>(
        self,
        ending: Ending,
        require_may_end: impl FnOnce(&T, i64) -> ProgramResult,
    ) -> Result<Ended<'a, T>, ProgramError> {
        let program_id = self.program_id;
        let now = Now::get()?.timestamp();
        let mut market = accounts::load_mut::<Market, _>(self.market, program_id, InvalidAccount)?;
        #[cfg(not(feature = "without-end-token-program-check"))]
        accounts::is(self.token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        let events = events::sink(program_id, self.event_authority, self.program)?;
        let (listing, returned) = {
            let mut listing = accounts::load_mut::<T, _>(self.entry, program_id, InvalidAccount)?;
            require_may_end(&listing, now)?;
            let returned = listing.end(ending)?;
            (listing.clone(), returned)
        };
        let sequence = market.next_event()?;
        #[cfg(not(feature = "without-end-escrow-check"))]
        listing.require_escrow(program_id, self.entry.address(), self.escrow)?;
        #[cfg(not(feature = "without-end-receipt-check"))]
        tokens::owned(self.maker_token, T::mints(&market).0, listing.owner().0)?;
        let give_back = Transfer::new(self.escrow, self.maker_token, self.entry, returned);
        listing.signed(|signers| give_back.invoke_signed(signers))?;
        Ok(Ended {
            sequence,
            address: *self.entry.address(),
            listing,
            returned: U64::new(returned),
            timestamp: I64::new(now),
            events,
        })
    }
}
