//! Accounts of this program.

pub mod entry;
pub mod market;
pub mod offer;
pub mod order;
pub mod terms;
pub mod trader;
