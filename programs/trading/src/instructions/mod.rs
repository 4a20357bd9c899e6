//! One file for each instruction.

pub mod create_order;
pub mod initialize_market;
pub mod match_order;
