//! Accounts of the registry; those that other programs read are declared in `common`.

mod energy_token;

pub use common::energy_token::Ledger;
pub use common::registry::{Config, DeviceKey, Meter, MeterStatus, Registrar, User, UserType};
pub use energy_token::EnergyToken;
