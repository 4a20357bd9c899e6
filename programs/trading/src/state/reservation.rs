//! A part of an order, kept for a buyer who pays in baht on the bridge's chain.

use super::entry::Entry;
use common::codec::{I64, U64};
use pinocchio::Address;

common::account! {
    /// PDA `["reservation", buyer, nonce]`; the treasury's GRX for the seller lie in the token
    /// account `["escrow", reservation]`. What is fixed here never changes.
    pub struct Reservation {
        pub order: Address,
        pub seller: Address,
        pub buyer: Address,
        pub nonce: U64,
        pub amount_mwh: U64,
        /// What the seller gets.
        pub payment_micro_grx: U64,
        /// What the buyer pays.
        pub payment_micro_thbc: U64,
        pub evm_chain_id: U64,
        /// Address of the bridge's contract.
        pub bridge: [u8; 20],
        /// The buyer may pay until then.
        pub pay_deadline: I64,
        /// It can be matched until then, and released by anybody afterwards.
        pub hold_until: I64,
        /// Whose GRX are in the escrow.
        pub treasury: Address,
        pub rent_payer: Address,
        pub escrow_bump: u8,
        pub bump: u8,
    }
}

impl Entry for Reservation {
    const SEED: &'static [u8] = b"reservation";

    #[inline(always)]
    fn owner(&self) -> (&Address, &U64) {
        (&self.buyer, &self.nonce)
    }

    #[inline(always)]
    fn bumps(&self) -> (u8, u8) {
        (self.bump, self.escrow_bump)
    }

    #[inline(always)]
    fn rent_payer(&self) -> &Address {
        &self.rent_payer
    }
}
