//! One file for each instruction: its arguments, its accounts checked once, and what it does.

mod initialize;
mod mint_grx;
mod open_ledger;
mod rebase_meter;
mod redeem;
mod set_authority;
mod settle_meter;

pub use initialize::initialize;
pub use mint_grx::mint_grx;
pub use open_ledger::open_ledger;
pub use rebase_meter::rebase_meter;
pub use redeem::redeem;
pub use set_authority::set_authority;
pub use settle_meter::settle_meter;
