//! Proof that a device signed a reading: the runtime's own signature check, in the instruction
//! directly before the current one.
//!
//! Exactly one layout is accepted, with one signature whose parts all lie in that instruction, so
//! that what the runtime checked is what is read here.

use crate::codec::from_bytes;
use crate::record::{Record, MAGIC, RECORD_SIZE};
use crate::registry::{DeviceKey, ED25519, P256};
use pinocchio::{
    account::Ref, address::address_eq, sysvars::instructions::INSTRUCTIONS_ID, AccountView, Address,
};

/// The runtime's own checker of Ed25519 signatures.
pub const ED25519_PROGRAM: Address =
    Address::from_str_const("Ed25519SigVerify111111111111111111111111111");
const SECP256R1_PROGRAM: Address =
    Address::from_str_const("Secp256r1SigVerify1111111111111111111111111");

/// Where key, signature and message lie; all in the instruction itself.
#[rustfmt::skip] // one line for each offset and the index of its instruction
const fn header(signature_offset: u8, message_offset: u8, message_size: usize) -> [u8; 16] {
    const HERE: u8 = 0xff;
    let [size, size_high] = (message_size as u16).to_le_bytes();
    [
        1, 0, // one signature, padding
        signature_offset, 0, HERE, HERE,
        KEY_OFFSET as u8, 0, HERE, HERE,
        message_offset, 0, size, size_high, HERE, HERE,
    ]
}

const KEY_OFFSET: usize = 16;
const SIGNATURE_SIZE: usize = 64;

/// `Sig_structure` of RFC 9052 around a record: an array of four, "Signature1", the protected
/// header {1: algorithm}, no external data, and a payload of 24 to 255 bytes.
const COSE_PREFIX_SIZE: usize = 19;
const ONE_RECORD: usize = COSE_PREFIX_SIZE + RECORD_SIZE;
const TWO_RECORDS: usize = COSE_PREFIX_SIZE + 2 * RECORD_SIZE;
const COSE_HEAD: [u8; 15] = *b"\x84\x6aSignature1\x43\xa1\x01";
const COSE_TAIL: [u8; 2] = *b"\x40\x58";
/// Algorithms -8 and -19, and -7 and -9, as CBOR writes them.
const ED25519_ALGORITHMS: [u8; 2] = [0x27, 0x32];
const P256_ALGORITHMS: [u8; 2] = [0x26, 0x28];

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The account is not the instructions sysvar.
    WrongSysvar,
    /// Called by another program: the instruction before would not be ours.
    NotTopLevel,
    /// The instruction before is none, or checks no signature of a known kind.
    Missing,
    /// The instruction before has another layout than the one accepted.
    Malformed,
    /// What was signed is not a reading, or names an algorithm that the key has not.
    NotReading,
}

/// A reading, and the key that signed it.
pub struct SignedRecord<'a> {
    pub key: DeviceKey,
    pub record: &'a Record,
}

/// The readings of one message, and the key that signed it.
pub struct SignedRecords<'a> {
    pub key: DeviceKey,
    pub records: &'a [Record],
}

/// Borrows the instructions sysvar, which must be the real one, for `signed_record`.
#[inline(always)]
pub fn instructions(sysvar: &AccountView) -> Result<Ref<'_, [u8]>, Fault> {
    if !cfg!(feature = "without-sysvar-address") && !address_eq(sysvar.address(), &INSTRUCTIONS_ID)
    {
        return Err(Fault::WrongSysvar);
    }
    if !cfg!(feature = "without-top-level") && !is_top_level() {
        return Err(Fault::NotTopLevel);
    }
    sysvar.try_borrow().map_err(|_| Fault::WrongSysvar)
}

/// The reading whose signature the runtime checked in the instruction directly before.
#[inline(always)]
pub fn signed_record(instructions: &[u8]) -> Result<SignedRecord<'_>, Fault> {
    let before = instruction_before(instructions, 1).ok_or(Fault::Missing)?;
    let (key, [record]) = signed::<1, ONE_RECORD>(before)?;
    Ok(SignedRecord { key, record })
}

/// The message of one or two readings whose signature the runtime checked, `distance`
/// instructions before the current one.
#[inline(always)]
pub fn signed_records(instructions: &[u8], distance: usize) -> Result<SignedRecords<'_>, Fault> {
    let before = instruction_before(instructions, distance).ok_or(Fault::Missing)?;
    if before.1.len() < KEY_OFFSET + SIGNATURE_SIZE + TWO_RECORDS {
        let (key, records) = signed::<1, ONE_RECORD>(before)?;
        return Ok(SignedRecords { key, records });
    }
    let (key, records) = signed::<2, TWO_RECORDS>(before)?;
    Ok(SignedRecords { key, records })
}

/// Key and readings out of a precompile's instruction.
#[inline(always)]
fn signed<'a, const RECORDS: usize, const MESSAGE: usize>(
    (program, data): (&Address, &'a [u8]),
) -> Result<(DeviceKey, &'a [Record; RECORDS]), Fault> {
    let (key, message, algorithms) = if address_eq(program, &ED25519_PROGRAM) {
        let header = const { header(48, 112, MESSAGE) };
        let (key, message) = split::<32, MESSAGE>(data, &header).ok_or(Fault::Malformed)?;
        (device_key(ED25519, key), message, ED25519_ALGORITHMS)
    } else if cfg!(feature = "without-proof-program") || address_eq(program, &SECP256R1_PROGRAM) {
        let header = const { header(49, 113, MESSAGE) };
        let (key, message) = split::<33, MESSAGE>(data, &header).ok_or(Fault::Malformed)?;
        (device_key(P256, key), message, P256_ALGORITHMS)
    } else {
        return Err(Fault::Missing);
    };
    let records = payload(message, algorithms).ok_or(Fault::NotReading)?;
    Ok((key, records))
}

/// Program and data of the instruction before the current one.
#[inline(always)]
pub fn previous_instruction(sysvar: &[u8]) -> Option<(&Address, &[u8])> {
    instruction_before(sysvar, 1)
}

/// Program and data of the instruction `distance` before the current one.
///
/// The sysvar holds the number of instructions, the offset of each, each instruction (number of
/// accounts, 33 bytes for each, program, length, data), and the index of the current one.
#[inline(always)]
fn instruction_before(sysvar: &[u8], distance: usize) -> Option<(&Address, &[u8])> {
    let current = u16_at(sysvar, sysvar.len().checked_sub(2)?)?;
    let start = u16_at(sysvar, 2 + 2 * current.checked_sub(distance)?)?;
    let program_at = start + 2 + 33 * u16_at(sysvar, start)?;
    let data_at = program_at + 34;
    let program = from_bytes(sysvar.get(program_at..program_at + 32)?)?;
    let data_size = u16_at(sysvar, program_at + 32)?;
    Some((program, sysvar.get(data_at..data_at + data_size)?))
}

#[inline(always)]
fn u16_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let pair = bytes.get(offset..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*pair) as usize)
}

/// Key and message out of a precompile's instruction with exactly this header and size.
#[inline(always)]
fn split<'a, const KEY: usize, const MESSAGE: usize>(
    data: &'a [u8],
    header: &[u8; 16],
) -> Option<(&'a [u8; KEY], &'a [u8; MESSAGE])> {
    let (head, rest) = data.split_first_chunk::<16>()?;
    let (key, rest) = rest.split_first_chunk::<KEY>()?;
    let (_, rest) = rest.split_first_chunk::<SIGNATURE_SIZE>()?;
    let message = if cfg!(feature = "without-proof-size") {
        rest.first_chunk()?
    } else {
        rest.try_into().ok()?
    };
    (*header == checked(*head, header)).then_some((key, message))
}

/// The bytes of the header that are compared: all of them. The mutation run leaves out one field at
/// a time; number of signatures and offset of the message cannot be forged without another.
#[inline(always)]
#[allow(unused_mut, unused_variables)] // the mutation run alone needs them
fn checked(mut head: [u8; 16], header: &[u8; 16]) -> [u8; 16] {
    #[cfg(feature = "without-proof-padding")]
    head[1..2].copy_from_slice(&header[1..2]);
    #[cfg(feature = "without-signature-offset")]
    head[2..4].copy_from_slice(&header[2..4]);
    #[cfg(feature = "without-signature-instruction")]
    head[4..6].copy_from_slice(&header[4..6]);
    #[cfg(feature = "without-key-offset")]
    head[6..8].copy_from_slice(&header[6..8]);
    #[cfg(feature = "without-key-instruction")]
    head[8..10].copy_from_slice(&header[8..10]);
    #[cfg(feature = "without-message-size")]
    head[12..14].copy_from_slice(&header[12..14]);
    #[cfg(feature = "without-message-instruction")]
    head[14..16].copy_from_slice(&header[14..16]);
    head
}

#[inline(always)]
fn device_key<const SIZE: usize>(algorithm: u8, key: &[u8; SIZE]) -> DeviceKey {
    let mut public_key = [0; 33];
    public_key[..SIZE].copy_from_slice(key);
    DeviceKey {
        algorithm,
        public_key,
    }
}

/// The records in a message whose COSE prefix names one of the key's algorithms.
#[inline(always)]
fn payload<const RECORDS: usize>(
    message: &[u8],
    algorithms: [u8; 2],
) -> Option<&[Record; RECORDS]> {
    let (head, rest) = message.split_first_chunk::<15>()?;
    let (algorithm, rest) = rest.split_first()?;
    let (tail, rest) = rest.split_first_chunk::<2>()?;
    let (size, rest) = rest.split_first()?;
    let records: &[Record; RECORDS] = from_bytes(rest)?;
    ((cfg!(feature = "without-cose-head") || *head == COSE_HEAD)
        && (cfg!(feature = "without-cose-algorithm")
            || *algorithm == algorithms[0]
            || *algorithm == algorithms[1])
        && (cfg!(feature = "without-cose-tail") || *tail == COSE_TAIL)
        && (cfg!(feature = "without-cose-size") || usize::from(*size) == RECORDS * RECORD_SIZE)
        && (cfg!(feature = "without-magic") || records.iter().all(|record| record.magic == MAGIC)))
    .then_some(records)
}

/// The transaction itself called this program. Inside a call, the sysvar still points at the
/// transaction's instruction, and what lies before that was not meant for the callee.
#[inline(always)]
fn is_top_level() -> bool {
    #[cfg(target_os = "solana")]
    {
        // SAFETY: the call takes and writes nothing.
        unsafe { pinocchio::syscalls::sol_get_stack_height() == 1 }
    }
    #[cfg(not(target_os = "solana"))]
    {
        true
    }
}
