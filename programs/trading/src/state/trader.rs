//! What is remembered of a wallet for which orders are reserved.

use crate::error::TradingError::InvalidAccount;
use common::codec::{Account, U64};
use common::error::require;
use common::{accounts, pda};
use pinocchio::{
    account::RefMut, address::address_eq, cpi::Seed, error::ProgramError, AccountView, Address,
    ProgramResult,
};

common::account! {
    /// PDA `["trader", wallet]`.
    pub struct Trader {
        pub wallet: Address,
        /// Of reservations for this wallet; they only rise, so that no address is used twice.
        pub last_reservation_nonce: U64,
        /// The wallet's one open reservation; zero when there is none.
        pub open_reservation: Address,
        pub bump: u8,
    }
}

/// No reservation.
pub const NONE: Address = Address::new_from_array([0; 32]);

impl Trader {
    pub const SEED: &[u8] = b"trader";

    /// The record of `wallet`, made for it when it is not there yet.
    #[inline(always)]
    pub fn open<'a>(
        program_id: &Address,
        payer: &AccountView,
        account: &'a mut AccountView,
        wallet: &Address,
    ) -> Result<RefMut<'a, Self>, ProgramError> {
        if accounts::vacant(account, InvalidAccount).is_ok() {
            Self::create(program_id, payer, account, wallet)?;
        }
        Self::load(program_id, account, wallet)
    }

    /// The record of `wallet`.
    #[inline(always)]
    pub fn load<'a>(
        program_id: &Address,
        account: &'a mut AccountView,
        wallet: &Address,
    ) -> Result<RefMut<'a, Self>, ProgramError> {
        let trader = accounts::load_mut::<Self, _>(account, program_id, InvalidAccount)?;
        require(address_eq(&trader.wallet, wallet), InvalidAccount)?;
        Ok(trader)
    }

    /// The wallet's one open reservation, this one, is over.
    #[inline(always)]
    pub fn close_reservation(&mut self, reservation: &Address) -> ProgramResult {
        require(
            address_eq(&self.open_reservation, reservation),
            InvalidAccount,
        )?;
        self.open_reservation = NONE;
        Ok(())
    }

    #[inline(always)]
    fn create(
        program_id: &Address,
        payer: &AccountView,
        account: &mut AccountView,
        wallet: &Address,
    ) -> ProgramResult {
        let seeds: [&[u8]; 2] = [Self::SEED, wallet.as_array()];
        let bump =
            pda::canonical_bump(&seeds, program_id, account.address()).ok_or(InvalidAccount)?;
        let trader = Self {
            wallet: *wallet,
            last_reservation_nonce: U64::new(0),
            open_reservation: NONE,
            bump,
        };
        accounts::create(
            payer,
            account,
            program_id,
            Self::SPACE,
            &[
                Seed::from(seeds[0]),
                Seed::from(seeds[1]),
                Seed::from(&[bump]),
            ],
        )?;
        accounts::initialise(account, trader)
    }
}
