//! Order book for metered energy: sellers put energy tokens into an escrow of their own order,
//! buyers take all or a part of it for GRX. Amounts are mWh, prices µGRX per kWh.

#![no_std]

mod error;
mod events;
mod instructions;
mod state;
mod tokens;

use common::{codec, events::EVENT_TAG};
use error::TradingError;
use instructions::{create_order, initialize_market, match_order};
use pinocchio::{AccountView, Address, ProgramResult};

/// More accounts than any instruction takes: one too many is seen.
const MAX_ACCOUNTS: usize = 16;

pinocchio::program_entrypoint!(process_instruction, MAX_ACCOUNTS);
pinocchio::no_allocator!();
#[cfg(target_os = "solana")]
pinocchio::nostd_panic_handler!();

const INITIALIZE_MARKET: u64 = codec::instruction("initialize_market");
const CREATE_ORDER: u64 = codec::instruction("create_order");
const MATCH_ORDER: u64 = codec::instruction("match_order");

fn process_instruction(
    program_id: &Address,
    accounts: &mut [AccountView],
    data: &[u8],
) -> ProgramResult {
    let (instruction, arguments) =
        codec::split_instruction(data).ok_or(TradingError::UnknownInstruction)?;
    match instruction {
        MATCH_ORDER => match_order::process(program_id, accounts, arguments),
        CREATE_ORDER => create_order::process(program_id, accounts, arguments),
        EVENT_TAG => common::events::receive(
            program_id,
            accounts,
            events::AUTHORITY_BUMP,
            TradingError::Unauthorized,
        ),
        INITIALIZE_MARKET => initialize_market::process(program_id, accounts, arguments),
        _ => Err(TradingError::UnknownInstruction.into()),
    }
}
