//! What the energy-token program tells the world; the first field counts its events from 1.

use crate::error::EnergyTokenError;
use common::{
    codec::{I64, U64},
    event,
    events::EventSink,
};
use pinocchio::{error::ProgramError, AccountView, Address};

/// Bump of the event authority under the address in the IDL; only the cost depends on it.
pub const AUTHORITY_BUMP: u8 = 250;

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
        EnergyTokenError::InvalidAccount,
    )
}

event! {
    pub struct TokensInitialized {
        pub sequence: U64,
        pub energy_mint: Address,
        pub grx_mint: Address,
        pub grx_cap: U64,
        pub registry_program: Address,
    }
}

event! {
    pub struct GrxMinted {
        pub sequence: U64,
        pub destination: Address,
        pub amount: U64,
        pub grx_minted: U64,
    }
}

event! {
    pub struct LedgerOpened {
        pub sequence: U64,
        pub meter_id: [u8; 16],
    }
}

event! {
    pub struct MeterSettled {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub owner: Address,
        pub reading_sequence: U64,
        pub reading_time_ms: U64,
        pub produced_mwh: U64,
        pub consumed_mwh: U64,
        pub surplus_mwh: U64,
        /// By this settlement.
        pub minted_mwh: U64,
        /// By all settlements of this meter.
        pub total_minted_mwh: U64,
        pub record_hash: [u8; 32],
        pub timestamp: I64,
    }
}

event! {
    pub struct MeterRebased {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub reading_sequence: U64,
        pub reading_time_ms: U64,
        pub produced_mwh: U64,
        pub consumed_mwh: U64,
        pub surplus_mwh: U64,
        pub record_hash: [u8; 32],
        pub timestamp: I64,
    }
}

event! {
    pub struct EnergyRedeemed {
        pub sequence: U64,
        pub meter_id: [u8; 16],
        pub owner: Address,
        /// By this redemption.
        pub amount_mwh: U64,
        /// By all redemptions of this meter.
        pub redeemed_mwh: U64,
        pub deficit_mwh: U64,
        pub timestamp: I64,
    }
}

event! {
    pub struct AuthoritySet {
        pub sequence: U64,
        pub role: u8,
        pub authority: Address,
    }
}
