//! Accounts of the registry; those that other programs read are declared in `common`.

mod registrar;

pub use common::registry::{Config, DeviceKey, Meter, MeterStatus, User, UserType};
pub use registrar::Registrar;
