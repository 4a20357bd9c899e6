//! Accounts of this program.

pub mod market;
pub mod order;
pub mod trader;
