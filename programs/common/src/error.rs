//! Named errors, numbered from 6000 in the order of the program's IDL.

use pinocchio::{error::ProgramError, ProgramResult};

/// The first number that Anchor clients read as a program's own error.
pub const FIRST_ERROR: u32 = 6000;

/// Refuses with `error` unless `holds`.
#[inline(always)]
pub fn require<E: Into<ProgramError>>(holds: bool, error: E) -> ProgramResult {
    if holds {
        Ok(())
    } else {
        Err(error.into())
    }
}

/// Declares a program's errors; the first is 6000, the others follow in order.
#[macro_export]
macro_rules! errors {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        $vis enum $name { $($(#[$doc])* $variant),* }

        impl From<$name> for ::pinocchio::error::ProgramError {
            #[inline(always)]
            fn from(error: $name) -> Self {
                Self::Custom($crate::error::FIRST_ERROR + error as u32)
            }
        }
    };
}
