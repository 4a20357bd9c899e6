//! What the registry tells the world; the first field counts its events from 1.

use common::{
    codec::{I64, U32, U64},
    event,
    registry::DeviceKey,
};
use pinocchio::Address;

event! {
    pub struct DeploymentInitialized {
        pub sequence: U64,
        pub authority: Address,
        pub deployment: [u8; 4],
        pub settlement_interval_s: U32,
    }
}

event! {
    pub struct RegistrarAppointed {
        pub sequence: U64,
        pub registrar: Address,
        pub daily_cap: U32,
    }
}

event! {
    pub struct UserRegistered {
        pub sequence: U64,
        pub wallet: Address,
        pub user_type: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct MeterRegistered {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub owner: Address,
        /// In the IDL as its two fields, `algorithm` and `public_key`.
        pub key: DeviceKey,
        pub export_limit_mw: U64,
        pub import_limit_mw: U64,
        pub daily_export_limit_mwh: U64,
        pub baseline_sequence: U64,
        pub baseline_time_ms: U64,
        pub baseline_produced_mwh: U64,
        pub baseline_consumed_mwh: U64,
        pub baseline_surplus_mwh: U64,
        pub baseline_hash: [u8; 32],
        pub timestamp: I64,
    }
}
