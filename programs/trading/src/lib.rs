//! Order book for metered energy: sellers put energy tokens into an escrow of their own order,
//! buyers take all or a part of it for GRX, or have it reserved and pay in baht on the bridge's
//! chain; buyers ask for energy with offers of their own. Amounts are mWh, prices µGRX per kWh.

#![no_std]

mod attestation;
mod error;
mod events;
mod instructions;
mod listing;
mod state;
mod tokens;

use common::{codec, events::EVENT_TAG};
use error::TradingError;
use instructions::*;
use pinocchio::{AccountView, Address, ProgramResult};

/// More accounts than any instruction takes: one too many is seen.
const MAX_ACCOUNTS: usize = 18;

pinocchio::program_entrypoint!(process_instruction, MAX_ACCOUNTS);
pinocchio::no_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

const ACCEPT_OFFER: u64 = codec::instruction("accept_offer");
const CANCEL: u64 = codec::instruction("cancel");
const CANCEL_OFFER: u64 = codec::instruction("cancel_offer");
const CLOSE_OFFER: u64 = codec::instruction("close_offer");
const CLOSE_ORDER: u64 = codec::instruction("close_order");
const CREATE_OFFER: u64 = codec::instruction("create_offer");
const CREATE_ORDER: u64 = codec::instruction("create_order");
const EXPIRE: u64 = codec::instruction("expire");
const EXPIRE_OFFER: u64 = codec::instruction("expire_offer");
const INITIALIZE_MARKET: u64 = codec::instruction("initialize_market");
const MATCH_ORDER: u64 = codec::instruction("match_order");
const MATCH_ORDER_WITH_THB: u64 = codec::instruction("match_order_with_thb");
const PAUSE: u64 = codec::instruction("pause");
const RELEASE_RESERVATION: u64 = codec::instruction("release_reservation");
const RESERVE_ORDER: u64 = codec::instruction("reserve_order");
const RESUME: u64 = codec::instruction("resume");
const SET_AUTHORITY: u64 = codec::instruction("set_authority");
const SET_GUARDIANS: u64 = codec::instruction("set_guardians");
const UPDATE_PRICE: u64 = codec::instruction("update_price");

#[inline(always)]
fn process_instruction(
    program_id: &Address,
    accounts: &mut [AccountView],
    data: &[u8],
) -> ProgramResult {
    let (instruction, arguments) =
        codec::split_instruction(data).ok_or(TradingError::UnknownInstruction)?;
    let call = Call {
        program_id,
        accounts,
        arguments,
    };
    match instruction {
        EVENT_TAG => common::events::receive(
            program_id,
            call.accounts,
            events::AUTHORITY_BUMP,
            TradingError::Unauthorized,
        ),
        MATCH_ORDER => match_order::process(call),
        CREATE_ORDER => create_order::process(call),
        CANCEL => cancel::process(call),
        CREATE_OFFER => create_offer::process(call),
        ACCEPT_OFFER => accept_offer::process(call),
        CANCEL_OFFER => cancel_offer::process(call),
        CLOSE_OFFER => close_offer::process(call),
        CLOSE_ORDER => close_order::process(call),
        EXPIRE => expire::process(call),
        EXPIRE_OFFER => expire_offer::process(call),
        INITIALIZE_MARKET => initialize_market::process(call),
        MATCH_ORDER_WITH_THB => match_order_with_thb::process(call),
        PAUSE => pause::process(call),
        RELEASE_RESERVATION => release_reservation::process(call),
        RESERVE_ORDER => reserve_order::process(call),
        RESUME => resume::process(call),
        SET_AUTHORITY => set_authority::process(call),
        SET_GUARDIANS => set_guardians::process(call),
        UPDATE_PRICE => update_price::process(call),
        _ => Err(TradingError::UnknownInstruction.into()),
    }
}
