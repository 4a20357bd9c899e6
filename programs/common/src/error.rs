//! Named errors, numbered from 6000 in the order of the program's IDL, and told in the log.

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

/// The errors of a program.
pub trait Errors {
    /// Name and message of each in the order of their numbers; a message starts with a space and
    /// ends with a full stop.
    const ALL: &'static [(&'static str, &'static str)];
}

/// Says in the log which of the program's errors this is, as Anchor's programs do and Anchor's
/// clients read it. An error of the runtime has a name of its own there, and passes in silence.
pub fn log<E: Errors>(error: &ProgramError) {
    const { assert!(fits(E::ALL), "a message is too long for the log") };
    let ProgramError::Custom(number) = *error else {
        return;
    };
    let index = number.wrapping_sub(FIRST_ERROR) as usize;
    if let Some((name, message)) = E::ALL.get(index) {
        let digit = |unit: u32| b'0' + (number / unit % 10) as u8;
        let mut line = Line::default();
        line.push(HEAD.as_bytes());
        line.push(name.as_bytes());
        line.push(BEFORE_NUMBER.as_bytes());
        line.push(&[digit(1_000), digit(100), digit(10), digit(1)]);
        line.push(BEFORE_MESSAGE.as_bytes());
        line.push(message.as_bytes());
        line.log();
    }
}

const HEAD: &str = "AnchorError occurred. Error Code: ";
const BEFORE_NUMBER: &str = ". Error Number: ";
const BEFORE_MESSAGE: &str = ". Error Message:";

/// The line of each error has its place.
const fn fits(errors: &[(&str, &str)]) -> bool {
    let mut index = 0;
    while index < errors.len() {
        let (name, message) = errors[index];
        let parts = HEAD.len() + BEFORE_NUMBER.len() + 4 + BEFORE_MESSAGE.len();
        if parts + name.len() + message.len() > LINE_SIZE {
            return false;
        }
        index += 1;
    }
    true
}

const LINE_SIZE: usize = 256;

/// A line of the log in the making.
struct Line {
    bytes: [u8; LINE_SIZE],
    size: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; LINE_SIZE],
            size: 0,
        }
    }
}

impl Line {
    #[inline(always)]
    fn push(&mut self, text: &[u8]) {
        let Some(place) = self.bytes.get_mut(self.size..self.size + text.len()) else {
            return;
        };
        copy(place, text);
        self.size += text.len();
    }

    #[inline(always)]
    fn log(&self) {
        #[cfg(target_os = "solana")]
        // SAFETY: the runtime reads so many of these bytes.
        unsafe {
            pinocchio::syscalls::sol_log_(self.bytes.as_ptr(), self.size as u64)
        };
    }
}

/// The linker knows no copy of a size that is not known to the compiler; the runtime has one.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    #[cfg(target_os = "solana")]
    // SAFETY: `push` takes a place of the size of the text, and they do not overlap.
    unsafe {
        pinocchio::syscalls::sol_memcpy_(to.as_mut_ptr(), from.as_ptr(), from.len() as u64)
    };
    #[cfg(not(target_os = "solana"))]
    to.copy_from_slice(from);
}

/// Declares a program's errors, each with its message as documentation; the first is 6000, the
/// others follow in order.
#[macro_export]
macro_rules! errors {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[doc = $message:literal])+ $variant:ident),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        $vis enum $name { $($(#[doc = $message])+ $variant),* }

        impl $crate::error::Errors for $name {
            const ALL: &'static [(&'static str, &'static str)] =
                &[$((stringify!($variant), concat!($($message),+))),*];
        }

        impl From<$name> for ::pinocchio::error::ProgramError {
            #[inline(always)]
            fn from(error: $name) -> Self {
                Self::Custom($crate::error::FIRST_ERROR + error as u32)
            }
        }
    };
}
