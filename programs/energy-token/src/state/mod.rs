//! Accounts of the energy-token program.

mod config;
mod ledger;

pub use config::Config;
pub use ledger::{energy_limit, full_allowance, refilled_allowance, Ledger};
