//! What the program tells the world; `sequence` counts every event of the market from 1.

use crate::error::TradingError;
use crate::state::guardians::GuardianSet;
use common::codec::{I64, U64};
use common::event;
use common::events::EventSink;
use pinocchio::{error::ProgramError, AccountView, Address};

/// Bump of the event authority under the address in the IDL.
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
        TradingError::InvalidAccount,
    )
}

event! {
    pub struct MarketInitialized {
        pub sequence: U64,
        pub authority: Address,
        pub registry_program: Address,
        pub energy_mint: Address,
        pub grx_mint: Address,
    }
}

event! {
    pub struct OrderCreated {
        pub sequence: U64,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        pub expires_at: I64,
        pub timestamp: I64,
    }
}

event! {
    pub struct OrderCancelled {
        pub sequence: U64,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        /// What went back to the seller.
        pub returned_mwh: U64,
        pub filled_mwh: U64,
        /// What is still kept for buyers who have reserved it.
        pub reserved_mwh: U64,
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct OrderExpired {
        pub sequence: U64,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        /// What went back to the seller.
        pub returned_mwh: U64,
        pub filled_mwh: U64,
        /// What is still kept for buyers who have reserved it.
        pub reserved_mwh: U64,
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct OrderClosed {
        pub sequence: U64,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        /// What somebody had sent to the escrow, or was left there; it went to the seller.
        pub swept_mwh: U64,
        pub timestamp: I64,
    }
}

/// A trade was paid in GRX.
pub const PAYMENT_GRX: u8 = 0;
/// A trade was paid in baht on the bridge's chain; the treasury paid the seller in GRX.
pub const PAYMENT_THB: u8 = 1;

event! {
    pub struct TradeExecuted {
        pub sequence: U64,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        pub buyer: Address,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        pub payment_micro_grx: U64,
        /// Filled so far, this trade included.
        pub filled_mwh: U64,
        pub status: u8,
        pub payment_method: u8,
        pub timestamp: I64,
        /// The reservation that was paid in baht, and what it cost; zeros for a trade in GRX.
        pub reservation: Address,
        pub payment_micro_thbc: U64,
    }
}

event! {
    pub struct OfferCreated {
        pub sequence: U64,
        pub offer: Address,
        pub number: U64,
        pub buyer: Address,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        pub expires_at: I64,
        pub timestamp: I64,
    }
}

event! {
    pub struct OfferAccepted {
        pub sequence: U64,
        pub offer: Address,
        pub number: U64,
        pub seller: Address,
        pub buyer: Address,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        pub payment_micro_grx: U64,
        /// Filled so far, this trade included.
        pub filled_mwh: U64,
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct OfferCancelled {
        pub sequence: U64,
        pub offer: Address,
        pub number: U64,
        pub buyer: Address,
        pub refunded_micro_grx: U64,
        pub filled_mwh: U64,
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct OfferExpired {
        pub sequence: U64,
        pub offer: Address,
        pub number: U64,
        pub buyer: Address,
        pub refunded_micro_grx: U64,
        pub filled_mwh: U64,
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct OfferClosed {
        pub sequence: U64,
        pub offer: Address,
        pub number: U64,
        pub buyer: Address,
        pub swept_micro_grx: U64,
        pub timestamp: I64,
    }
}

event! {
    pub struct Reserved {
        pub sequence: U64,
        pub reservation: Address,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        pub buyer: Address,
        pub nonce: U64,
        pub amount_mwh: U64,
        pub price_micro_grx: U64,
        /// What the seller gets.
        pub payment_micro_grx: U64,
        /// What the buyer pays.
        pub payment_micro_thbc: U64,
        pub rate_micro_thb_per_grx: U64,
        pub evm_chain_id: U64,
        pub bridge: [u8; 20],
        pub pay_deadline: I64,
        pub hold_until: I64,
        /// Of the order, this reservation included.
        pub reserved_mwh: U64,
        /// Of the order.
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct ReservationReleased {
        pub sequence: U64,
        pub reservation: Address,
        pub order: Address,
        pub number: U64,
        pub seller: Address,
        pub buyer: Address,
        pub amount_mwh: U64,
        pub payment_micro_grx: U64,
        /// What went back to the seller; the order has the rest.
        pub returned_mwh: U64,
        /// Of the order, what others have still reserved.
        pub reserved_mwh: U64,
        /// Of the order.
        pub status: u8,
        pub timestamp: I64,
    }
}

event! {
    pub struct PriceUpdated {
        pub sequence: U64,
        pub rate_micro_thb_per_grx: U64,
        pub timestamp: I64,
    }
}

event! {
    pub struct GuardiansSet {
        pub sequence: U64,
        pub epoch: U64,
        pub set: GuardianSet,
    }
}

event! {
    pub struct AuthoritySet {
        pub sequence: U64,
        pub role: u8,
        pub previous_holder: Address,
        pub new_holder: Address,
    }
}

event! {
    pub struct Paused {
        pub sequence: U64,
        pub pauser: Address,
        pub timestamp: I64,
    }
}

event! {
    pub struct Resumed {
        pub sequence: U64,
        pub authority: Address,
        pub timestamp: I64,
    }
}
