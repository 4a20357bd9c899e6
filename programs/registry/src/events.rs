//! What the registry tells the world; the first field counts its events from 1.

use crate::error::RegistryError;
use common::{
    codec::{I64, U32, U64},
    event,
    events::EventSink,
    registry::{DeviceKey, Meter},
};
use pinocchio::{error::ProgramError, AccountView, Address};

/// Bump of the event authority under the address in the IDL; only the cost depends on it.
pub const AUTHORITY_BUMP: u8 = 254;

/// Checks the two accounts that end each account list.
#[inline(always)]
pub fn sink<'a>(
    program_id: &'a Address,
    event_authority: &'a AccountView,
    program: &'a AccountView,
) -> Result<EventSink<'a>, ProgramError> {
    EventSink::new(
        program_id,
        [event_authority, program],
        AUTHORITY_BUMP,
        RegistryError::InvalidAccount,
    )
}

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

impl MeterRegistered {
    /// What is told of a meter that was just registered.
    #[inline(always)]
    pub fn of(meter: &Meter, sequence: u64) -> Self {
        Self {
            sequence: sequence.into(),
            meter_id: meter.meter_id,
            owner: meter.owner,
            key: meter.key,
            export_limit_mw: meter.export_limit_mw,
            import_limit_mw: meter.import_limit_mw,
            daily_export_limit_mwh: meter.daily_export_limit_mwh,
            baseline_sequence: meter.baseline_sequence,
            baseline_time_ms: meter.baseline_time_ms,
            baseline_produced_mwh: meter.baseline_produced_mwh,
            baseline_consumed_mwh: meter.baseline_consumed_mwh,
            baseline_surplus_mwh: meter.baseline_surplus_mwh,
            baseline_hash: meter.baseline_hash,
            timestamp: meter.registered_at,
        }
    }
}

event! {
    pub struct KeyRotated {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        /// In the IDL as its two fields, `algorithm` and `public_key`; so is the previous one.
        pub key: DeviceKey,
        /// `DeviceKey::NONE` when no earlier reading counts any more.
        pub previous_key: DeviceKey,
        pub previous_key_last_sequence: U64,
        pub timestamp: I64,
    }
}

event! {
    pub struct MeterSuspended {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub suspended_by: Address,
        pub timestamp: I64,
    }
}

event! {
    pub struct EquivocationReported {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        /// In the IDL as its two fields, `algorithm` and `public_key`.
        pub key: DeviceKey,
        pub reading_sequence: U64,
        pub first_record_hash: [u8; 32],
        pub second_record_hash: [u8; 32],
        pub timestamp: I64,
    }
}

event! {
    pub struct MeterRevoked {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub revoked_by: Address,
        pub timestamp: I64,
    }
}

event! {
    pub struct MeterTransferred {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub previous_owner: Address,
        pub owner: Address,
        pub timestamp: I64,
    }
}

event! {
    pub struct RegistrarDismissed {
        pub sequence: U64,
        pub registrar: Address,
    }
}

event! {
    pub struct EnergyTokenSet {
        pub sequence: U64,
        pub energy_token_program: Address,
    }
}

event! {
    pub struct AuthoritySet {
        pub sequence: U64,
        pub authority: Address,
    }
}
