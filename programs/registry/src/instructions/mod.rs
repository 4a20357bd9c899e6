//! One file for each instruction: its arguments, its accounts checked once, and what it does.

mod appoint_registrar;
mod initialize;
mod register_meter;
mod register_user;

pub use appoint_registrar::appoint_registrar;
pub use initialize::initialize;
pub use register_meter::register_meter;
pub use register_user::register_user;
