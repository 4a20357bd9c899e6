//! Accounts of this program.

pub mod entry;
pub mod guardians;
pub mod listing;
pub mod market;
pub mod offer;
pub mod order;
pub mod price;
pub mod reservation;
pub mod terms;
pub mod trader;
