//! What the GridTokenX programs share: account checks, packed layouts, exact arithmetic, events,
//! and proofs of what a meter signed.
#![no_std]

pub mod accounts;
pub mod authority;
pub mod codec;
pub mod energy_token;
pub mod entrypoint;
pub mod error;
pub mod events;
pub mod math;
pub mod pda;
pub mod precompile;
pub mod record;
pub mod registry;
pub mod time;

pub use error::require;
