//! Accounts of the energy-token program.

mod config;
mod limits;

pub use common::energy_token::Ledger;
pub use config::{Config, Role};
pub use limits::{energy_limit, full_allowance, refilled_allowance};
