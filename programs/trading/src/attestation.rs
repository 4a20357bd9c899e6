//! What guardians say of a payment on the bridge's chain, and the proof that they said it.
//!
//! The program makes the attestation itself, from the reservation: guardians sign its SHA-256, and
//! a signature is good for that one reservation under that one set of guardians alone.
//!
//! The proof is one instruction of the Ed25519 precompile, directly before ours, with as many
//! signatures as the set's threshold says, in exactly this layout (all numbers little-endian):
//!
//! | offset | size | what |
//! | --- | --- | --- |
//! | 0 | 2 | M, the number of signatures, and 0 |
//! | 2 | 14 M | for each: offset of signature, 0xFFFF, of key, 0xFFFF, of message, 32, 0xFFFF |
//! | 2 + 14 M | 96 M | for each: key (32), signature (64) |
//! | 2 + 110 M | 32 | the message, once: SHA-256 of the attestation |
//!
//! The keys are those of guardians in office, in the order of the set: none can be there twice.

use crate::error::TradingError::InvalidBridgeProof;
use crate::state::guardians::Guardians;
use crate::state::market::Market;
use crate::state::reservation::Reservation;
use common::codec::{as_bytes, I64, U64};
use common::error::require;
use common::{accounts, precompile, record};
use pinocchio::{address::address_eq, AccountView, Address, ProgramResult};

/// The reservation was paid in time, and that is final.
pub const PAID: [u8; 8] = *b"GTXPAID1";
/// The reservation was not paid in time, and that is final.
pub const UNPAID: [u8; 8] = *b"GTXUNPD1";

common::layout! {
    /// What is hashed and signed: 272 bytes.
    struct Attestation {
        kind: [u8; 8],
        deployment: [u8; 4],
        program: Address,
        market: Address,
        guardian_epoch: U64,
        evm_chain_id: U64,
        bridge: [u8; 20],
        reservation: Address,
        order: Address,
        buyer: Address,
        seller: Address,
        amount_mwh: U64,
        payment_micro_grx: U64,
        payment_micro_thbc: U64,
        pay_deadline: I64,
    }
}

/// What an attestation is about.
pub struct Subject<'a> {
    pub program_id: &'a Address,
    pub market_address: &'a Address,
    pub market: &'a Market,
    pub reservation_address: &'a Address,
    pub reservation: &'a Reservation,
}

impl Subject<'_> {
    /// Enough guardians of the set in office signed this, in the instruction directly before.
    #[inline(never)] // in two instructions; in a frame of its own it is also cheaper
    pub fn require_attested(
        &self,
        kind: [u8; 8],
        guardians: &AccountView,
        sysvar: &AccountView,
    ) -> ProgramResult {
        let guardians =
            accounts::load::<Guardians, _>(guardians, self.program_id, InvalidBridgeProof)?;
        let instructions = precompile::instructions(sysvar).map_err(|_| InvalidBridgeProof)?;
        let (program, proof) =
            precompile::previous_instruction(&instructions).ok_or(InvalidBridgeProof)?;
        let hash = self.hash(kind, guardians.epoch);
        require(
            address_eq(program, &precompile::ED25519_PROGRAM)
                && is_signed(proof, &guardians, &hash).is_some(),
            InvalidBridgeProof,
        )
    }

    /// What guardians of this epoch sign.
    #[inline(always)]
    fn hash(&self, kind: [u8; 8], guardian_epoch: U64) -> [u8; 32] {
        let reservation = self.reservation;
        record::sha256(&[as_bytes(&Attestation {
            kind,
            deployment: self.market.deployment,
            program: *self.program_id,
            market: *self.market_address,
            guardian_epoch,
            evm_chain_id: reservation.evm_chain_id,
            bridge: reservation.bridge,
            reservation: *self.reservation_address,
            order: reservation.order,
            buyer: reservation.buyer,
            seller: reservation.seller,
            amount_mwh: reservation.amount_mwh,
            payment_micro_grx: reservation.payment_micro_grx,
            payment_micro_thbc: reservation.payment_micro_thbc,
            pay_deadline: reservation.pay_deadline,
        })])
    }
}

const COUNT_SIZE: usize = 2;
const OFFSETS_SIZE: usize = 14;
const KEY_SIZE: usize = 32;
const SIGNED_SIZE: usize = KEY_SIZE + 64;
const MESSAGE_SIZE: usize = 32;

/// `Some` when `proof` has exactly the layout above, with this message and keys in office.
#[inline(always)]
fn is_signed(proof: &[u8], guardians: &Guardians, message: &[u8; MESSAGE_SIZE]) -> Option<()> {
    let threshold = guardians.threshold;
    let keys_at = COUNT_SIZE + OFFSETS_SIZE * threshold as usize;
    let message_at = keys_at + SIGNED_SIZE * threshold as usize;
    let is_framed =
        proof.get(..COUNT_SIZE)? == [threshold, 0] && proof.get(message_at..)? == message;
    let mut candidates = guardians.in_office().iter();
    let (mut offsets_at, mut key_at) = (COUNT_SIZE, keys_at);
    for _ in 0..threshold {
        let expected = offsets(key_at + KEY_SIZE, key_at, message_at);
        if proof.get(offsets_at..offsets_at + OFFSETS_SIZE)? != expected {
            return None;
        }
        let key = proof.get(key_at..)?.first_chunk::<KEY_SIZE>()?;
        candidates.find(|guardian| guardian.as_array() == key)?;
        offsets_at += OFFSETS_SIZE;
        key_at += SIGNED_SIZE;
    }
    is_framed.then_some(())
}

/// Where signature, key and message lie: all in the proof itself.
#[inline(always)]
#[rustfmt::skip] // one line for each offset and the index of its instruction
fn offsets(signature_at: usize, key_at: usize, message_at: usize) -> [u8; OFFSETS_SIZE] {
    const HERE: u8 = 0xff;
    let [signature, key, message] = [signature_at, key_at, message_at]
        .map(|offset| (offset as u16).to_le_bytes());
    [
        signature[0], signature[1], HERE, HERE,
        key[0], key[1], HERE, HERE,
        message[0], message[1], MESSAGE_SIZE as u8, 0, HERE, HERE,
    ]
}
