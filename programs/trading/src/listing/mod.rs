//! What orders and offers have in common: both are created, traded, ended and closed by the same
//! steps. A maker puts them into the book, with what they give in an escrow; a taker trades.

mod close;
mod create;
mod end;
mod trade;

pub use close::close;
pub use create::Creating;
pub use end::{cancel, expire};
pub use trade::trade;

use common::codec::{I64, U64};
use common::events::EventSink;
use pinocchio::Address;

/// A listing that was ended or closed, to be told of.
pub struct Ended<'a, T> {
    pub sequence: U64,
    pub address: Address,
    /// As it is then.
    pub listing: T,
    /// What went back to the maker out of the escrow.
    pub returned: U64,
    pub timestamp: I64,
    pub events: EventSink<'a>,
}
