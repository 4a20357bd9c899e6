//! What an order and an offer are to those who trade.

use super::entry::Entry;
use super::market::Market;
use common::codec::{I64, U64};
use pinocchio::{error::ProgramError, Address, ProgramResult};

/// How a listing was taken out of the book; zero before.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    Cancelled = 1,
    Expired = 2,
}

/// An order or an offer; its owner is the maker.
pub trait Listing: Entry + Clone {
    /// The escrow holds energy, for which takers give GRX; otherwise it is the other way round.
    const HOLDS_ENERGY: bool;

    fn price_micro_grx(&self) -> U64;
    fn expires_at(&self) -> &I64;
    /// It can be traded at this time.
    fn require_open(&self, now: i64) -> ProgramResult;
    /// Nothing is left to trade, to pay or to release.
    fn require_over(&self) -> ProgramResult;
    /// Trades `amount_mwh` of it while it is open; returns what it costs.
    fn fill(&mut self, amount_mwh: u64) -> Result<u64, ProgramError>;
    /// Takes what is left out of the book, for good; returns what goes back to the maker.
    fn end(&mut self, ending: Ending) -> Result<u64, ProgramError>;
    /// Marks that a trade of it is under way, or over.
    fn set_entered(&mut self, entered: bool);

    /// Mints of what the escrow holds, and of what takers give for it.
    #[inline(always)]
    fn mints(market: &Market) -> (&Address, &Address) {
        let (energy, grx) = (&market.energy_mint, &market.grx_mint);
        if Self::HOLDS_ENERGY {
            (energy, grx)
        } else {
            (grx, energy)
        }
    }
}
