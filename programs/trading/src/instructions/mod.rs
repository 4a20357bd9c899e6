//! One file for each instruction.

pub mod accept_offer;
pub mod cancel;
pub mod cancel_offer;
pub mod close_offer;
pub mod close_order;
pub mod create_offer;
pub mod create_order;
pub mod expire;
pub mod expire_offer;
pub mod initialize_market;
pub mod match_order;
pub mod match_order_with_thb;
pub mod pause;
pub mod release_reservation;
pub mod reserve_order;
pub mod resume;
pub mod set_authority;
pub mod set_guardians;
pub mod update_price;

use pinocchio::{AccountView, Address};

/// An instruction as it comes in. Each is a function of its own, with a stack frame of its own;
/// its arguments in one struct, since the machine has no more than five registers for them.
pub struct Call<'a> {
    pub program_id: &'a Address,
    pub accounts: &'a mut [AccountView],
    pub arguments: &'a [u8],
}
