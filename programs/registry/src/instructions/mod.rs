//! One file for each instruction: its arguments, its accounts checked once, and what it does.

mod appoint_registrar;
mod dismiss_registrar;
mod initialize;
mod register_meter;
mod register_user;
mod report_equivocation;
mod revoke_meter;
mod rotate_key;
mod set_authority;
mod set_energy_token;
mod suspend_meter;
mod transfer_meter;

pub use appoint_registrar::appoint_registrar;
pub use dismiss_registrar::dismiss_registrar;
pub use initialize::initialize;
pub use register_meter::register_meter;
pub use register_user::register_user;
pub use report_equivocation::report_equivocation;
pub use revoke_meter::revoke_meter;
pub use rotate_key::rotate_key;
pub use set_authority::set_authority;
pub use set_energy_token::set_energy_token;
pub use suspend_meter::suspend_meter;
pub use transfer_meter::transfer_meter;
