//! Accounts of the registry, as the other programs read them.

use crate::account;
use crate::authority::Governed;
use crate::codec::{I64, U32, U64};
use crate::layout;
use pinocchio::Address;

/// Signature algorithms of device keys.
pub const ED25519: u8 = 0;
pub const P256: u8 = 1;

/// What a user is; the number is the borsh encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum UserType {
    Prosumer,
    Consumer,
}

impl UserType {
    #[inline(always)]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Prosumer),
            1 => Some(Self::Consumer),
            _ => None,
        }
    }
}

/// Whether a meter's readings count; the number is the borsh encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MeterStatus {
    Active,
    Suspended,
    Revoked,
}

layout! {
    /// A device's public key; an Ed25519 key has a zero after its 32 bytes.
    #[derive(Copy, PartialEq, Eq)]
    pub struct DeviceKey {
        pub algorithm: u8,
        pub public_key: [u8; 33],
    }
}

impl DeviceKey {
    /// The key of a meter that had none before.
    pub const NONE: Self = Self {
        algorithm: 0,
        public_key: [0; 33],
    };
}

account! {
    /// The registry's one configuration: PDA `["config"]`.
    pub struct Config {
        pub authority: Address,
        /// First bytes of SHA-256(genesis hash ‖ registry program): readings of another
        /// deployment count for nothing here.
        pub deployment: [u8; 4],
        pub settlement_interval_s: U32,
        pub event_sequence: U64,
        pub bump: u8,
    }
}

impl Governed for Config {
    #[inline(always)]
    fn authority(&self) -> &Address {
        &self.authority
    }
}

account! {
    /// A registrar and what it did today: PDA `["registrar", key]`.
    pub struct Registrar {
        pub registrar: Address,
        pub daily_cap: U32,
        /// Days since 1970.
        pub day: U32,
        pub registered_today: U32,
        pub bump: u8,
    }
}

impl Registrar {
    /// Counts one registration; `None` when the day's cap is reached.
    #[inline(always)]
    pub fn count(&mut self, today: u32) -> Option<()> {
        if self.day.get() != today {
            self.day.set(today);
            self.registered_today.set(0);
        }
        let count = self.registered_today.get();
        if !cfg!(feature = "without-daily-cap") && count >= self.daily_cap.get() {
            return None;
        }
        self.registered_today.set(count + 1);
        Some(())
    }
}

account! {
    /// A registered user: PDA `["user", wallet]`.
    pub struct User {
        pub wallet: Address,
        pub user_type: u8,
        pub registered_at: I64,
        pub bump: u8,
    }
}

account! {
    /// A registered meter: PDA `["meter", meter id]`.
    pub struct Meter {
        pub meter_id: [u8; 16],
        pub owner: Address,
        pub status: u8,
        pub deployment: [u8; 4],
        pub key: DeviceKey,
        pub previous_key: DeviceKey,
        pub previous_key_last_sequence: U64,
        pub export_limit_mw: U64,
        pub import_limit_mw: U64,
        pub daily_export_limit_mwh: U64,
        pub baseline_sequence: U64,
        pub baseline_time_ms: U64,
        pub baseline_produced_mwh: U64,
        pub baseline_consumed_mwh: U64,
        pub baseline_surplus_mwh: U64,
        pub baseline_hash: [u8; 32],
        pub registered_at: I64,
        pub bump: u8,
    }
}

impl Meter {
    /// The meter's readings count.
    #[inline(always)]
    pub fn is_active(&self) -> bool {
        self.status == MeterStatus::Active as u8
    }

    /// `key` may sign the reading with this sequence: each sequence has one key that may.
    #[inline(always)]
    pub fn is_signed_by(&self, key: &DeviceKey, sequence: u64) -> bool {
        if cfg!(feature = "without-key-order") && *key == self.previous_key {
            return true;
        }
        if sequence > self.previous_key_last_sequence.get() {
            *key == self.key
        } else {
            *key == self.previous_key
        }
    }
}
