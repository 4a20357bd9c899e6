//! Fixed borsh layouts (packed, little-endian), read and written where they lie.
//!
//! A layout is a `repr(C)` struct whose fields all have alignment 1: its bytes are its borsh
//! encoding, and an account's data can be used in place, without copying it.

use core::mem::size_of;
use pinocchio::Address;
use sha2_const_stable::Sha256;

/// A type whose value is its bytes.
///
/// # Safety
/// The type has alignment 1 and no padding, and every pattern of bytes is a valid value of it.
pub unsafe trait Plain: Sized {}

// SAFETY: one byte, any value.
unsafe impl Plain for u8 {}
// SAFETY: an array adds neither padding nor alignment to its element.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
// SAFETY: `Address` is a transparent `[u8; 32]`.
unsafe impl Plain for Address {}

/// The value that `bytes` are; `None` when their number is another.
#[inline(always)]
pub fn from_bytes<T: Plain>(bytes: &[u8]) -> Option<&T> {
    // SAFETY: there are bytes enough, and `T` is `Plain`.
    (bytes.len() == size_of::<T>()
        || cfg!(feature = "without-exact-size") && bytes.len() > size_of::<T>())
    .then(|| unsafe { &*bytes.as_ptr().cast() })
}

/// As `from_bytes`, to be changed in place.
#[inline(always)]
pub fn from_bytes_mut<T: Plain>(bytes: &mut [u8]) -> Option<&mut T> {
    // SAFETY: there are bytes enough, and `T` is `Plain`.
    (bytes.len() == size_of::<T>()
        || cfg!(feature = "without-exact-written-size") && bytes.len() > size_of::<T>())
    .then(|| unsafe { &mut *bytes.as_mut_ptr().cast() })
}

/// The borsh encoding of a value.
#[inline(always)]
pub fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `T` is `Plain`: without padding, each of its bytes is initialised.
    unsafe { core::slice::from_raw_parts((value as *const T).cast(), size_of::<T>()) }
}

/// Anchor's discriminator of a name such as `account:Meter` or `event:MeterSettled`.
pub const fn discriminator(name: &str) -> [u8; 8] {
    let hash = Sha256::new().update(name.as_bytes()).finalize();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    [a, b, c, d, e, f, g, h]
}

/// Discriminator of an instruction, as the number that the program compares.
pub const fn instruction(name: &str) -> u64 {
    let hash = Sha256::new()
        .update(b"global:")
        .update(name.as_bytes())
        .finalize();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Splits instruction data into its discriminator and arguments.
#[inline(always)]
pub fn split_instruction(data: &[u8]) -> Option<(u64, &[u8])> {
    let (head, arguments) = data.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*head), arguments))
}

macro_rules! packed_integer {
    ($name:ident, $integer:ty) => {
        #[doc = concat!("A `", stringify!($integer), "` as borsh packs it.")]
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        #[repr(transparent)]
        pub struct $name([u8; size_of::<$integer>()]);

        // SAFETY: a transparent array of bytes.
        unsafe impl Plain for $name {}

        impl $name {
            #[inline(always)]
            pub const fn new(value: $integer) -> Self {
                Self(value.to_le_bytes())
            }

            #[inline(always)]
            pub const fn get(&self) -> $integer {
                <$integer>::from_le_bytes(self.0)
            }

            #[inline(always)]
            pub fn set(&mut self, value: $integer) {
                self.0 = value.to_le_bytes();
            }
        }

        impl From<$integer> for $name {
            #[inline(always)]
            fn from(value: $integer) -> Self {
                Self::new(value)
            }
        }
    };
}

packed_integer!(U32, u32);
packed_integer!(U64, u64);
packed_integer!(I64, i64);

impl U64 {
    /// Adds one and returns the new value; `None` at the end of the numbers.
    #[inline(always)]
    pub fn increment(&mut self) -> Option<u64> {
        let next = if cfg!(feature = "without-event-limit") {
            self.get().wrapping_add(1)
        } else {
            self.get().checked_add(1)?
        };
        self.set(next);
        Some(next)
    }
}

/// State of an account, behind eight bytes that name its type.
pub trait Account: Plain {
    const DISCRIMINATOR: [u8; 8];
    /// Bytes of the whole account.
    const SPACE: usize = 8 + size_of::<Self>();
}

/// What an event says, behind eight bytes that name its type.
pub trait Event: Plain {
    const DISCRIMINATOR: [u8; 8];
}

/// Declares a struct whose bytes are its borsh encoding.
#[macro_export]
macro_rules! layout {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$doc:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone)]
        #[repr(C)]
        $vis struct $name { $($(#[$doc])* $field_vis $field: $type),* }

        // SAFETY: `repr(C)` and `Plain` fields alone (checked below): alignment 1, no padding.
        unsafe impl $crate::codec::Plain for $name {}
        const _: () = {
            const fn is_plain<T: $crate::codec::Plain>() {}
            $(is_plain::<$type>();)*
        };
    };
}

/// Declares the state of an account; its discriminator is `sha256("account:<Name>")[..8]`.
#[macro_export]
macro_rules! account {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $crate::layout! { $(#[$meta])* $vis struct $name { $($body)* } }

        impl $crate::codec::Account for $name {
            const DISCRIMINATOR: [u8; 8] =
                $crate::codec::discriminator(concat!("account:", stringify!($name)));
        }
    };
}

/// Declares an event; its discriminator is `sha256("event:<Name>")[..8]`.
#[macro_export]
macro_rules! event {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $crate::layout! { $(#[$meta])* $vis struct $name { $($body)* } }

        impl $crate::codec::Event for $name {
            const DISCRIMINATOR: [u8; 8] =
                $crate::codec::discriminator(concat!("event:", stringify!($name)));
        }
    };
}
