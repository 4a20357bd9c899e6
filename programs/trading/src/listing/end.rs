//! The two ways out of the book: the maker cancels, or the time is up.

use super::{Ended, Listing};
use crate::error::TradingError::{
    InvalidAccount, InvalidArguments, MissingSignature, TooEarly, Unauthorized,
    WrongNumberOfAccounts,
};
use crate::events;
use crate::instructions::Call;
use crate::state::market::Market;
use crate::state::order::Ending;
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
    let [market, entry, escrow, maker, maker_token, token_program, event_authority, program] =
        call.accounts
    else {
        return Err(WrongNumberOfAccounts.into());
    };
    accounts::signer(maker, MissingSignature)?;
    let ending = Accounts {
        program_id: call.program_id,
        market,
        entry,
        escrow,
        maker_token,
        token_program,
        event_authority,
        program,
    };
    ending.end(Ending::Cancelled, call.arguments, |listing: &T, _| {
        require(address_eq(listing.owner().0, maker.address()), Unauthorized)
    })
}

/// Anyone ends a listing whose time is up.
#[inline(always)]
pub fn expire<T: Listing>(call: Call<'_>) -> Result<Ended<'_, T>, ProgramError> {
    let [market, entry, escrow, maker_token, token_program, event_authority, program] =
        call.accounts
    else {
        return Err(WrongNumberOfAccounts.into());
    };
    let ending = Accounts {
        program_id: call.program_id,
        market,
        entry,
        escrow,
        maker_token,
        token_program,
        event_authority,
        program,
    };
    ending.end(Ending::Expired, call.arguments, |listing: &T, now| {
        require(has_expired(listing.expires_at(), now), TooEarly)
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
        arguments: &[u8],
        require_may_end: impl FnOnce(&T, i64) -> ProgramResult,
    ) -> Result<Ended<'a, T>, ProgramError> {
        require(arguments.is_empty(), InvalidArguments)?;
        let program_id = self.program_id;
        let now = Now::get()?.timestamp();
        let mut market = accounts::load_mut::<Market, _>(self.market, program_id, InvalidAccount)?;
        accounts::is(self.token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        let events = events::sink(program_id, self.event_authority, self.program)?;
        let (listing, returned) = {
            let mut listing = accounts::load_mut::<T, _>(self.entry, program_id, InvalidAccount)?;
            require_may_end(&listing, now)?;
            let returned = listing.end(ending)?;
            (listing.clone(), returned)
        };
        let sequence = market.next_event()?;
        listing.require_escrow(program_id, self.entry.address(), self.escrow)?;
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
