//! Who may register meters.

use common::{account, codec::U32};
use pinocchio::Address;

account! {
    /// A registrar and what it did today: PDA `["registrar", key]`.
    pub struct Registrar {
        pub registrar: Address,
        pub daily_cap: U32,
        /// Days since 1970.
        pub day: U32,
        pub registered_today: U32,
        pub bump: u8,
    }
}

impl Registrar {
    /// Counts one registration; `None` when the day's cap is reached.
    #[inline(always)]
    pub fn count(&mut self, today: u32) -> Option<()> {
        if self.day.get() != today {
            self.day.set(today);
            self.registered_today.set(0);
        }
        let count = self.registered_today.get();
        if count >= self.daily_cap.get() {
            return None;
        }
        self.registered_today.set(count + 1);
        Some(())
    }
}
