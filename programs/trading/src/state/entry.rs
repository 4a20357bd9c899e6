//! Orders, offers and reservations: each lies at `[kind, wallet, nonce]` and owns an escrow, the
//! token account at `["escrow", entry]`.

use crate::error::TradingError::{InvalidAccount, InvalidTokenAccount, ReentrancyDetected};
use crate::tokens;
use common::accounts::{self, TokenAccount};
use common::codec::{Account, U64};
use common::error::require;
use common::pda;
use pinocchio::{
    cpi::{Seed, Signer},
    error::ProgramError,
    AccountView, Address, ProgramResult,
};
use pinocchio_token::instructions::{CloseAccount, InitializeAccount3, Transfer};

pub const ESCROW_SEED: &[u8] = b"escrow";

/// An entry in the book.
pub trait Entry: Account {
    /// The kind in its address.
    const SEED: &'static [u8];

    /// The wallet whose entry it is, and its nonce: both are in its address.
    fn owner(&self) -> (&Address, &U64);
    /// Bumps of the entry and of its escrow.
    fn bumps(&self) -> (u8, u8);
    /// Who paid the rent, and gets it back.
    fn rent_payer(&self) -> &Address;

    /// `escrow` is this entry's.
    #[inline(always)]
    fn require_escrow(
        &self,
        program_id: &Address,
        entry: &Address,
        escrow: &AccountView,
    ) -> ProgramResult {
        let (_, bump) = self.bumps();
        let seeds: [&[u8]; 2] = [ESCROW_SEED, entry.as_array()];
        let address = Address::derive_address(&seeds, Some(bump), program_id);
        accounts::is(escrow, &address, InvalidAccount)
    }

    /// Calls the token program with the entry's own signature.
    #[inline(always)]
    fn signed(&self, call: impl FnOnce(&[Signer]) -> ProgramResult) -> ProgramResult {
        let (wallet, nonce) = self.owner();
        let nonce = nonce.get().to_le_bytes();
        let bump = [self.bumps().0];
        let seeds = [
            Seed::from(Self::SEED),
            Seed::from(wallet.as_array()),
            Seed::from(&nonce),
            Seed::from(&bump),
        ];
        call(&[Signer::from(&seeds)])
    }
}

/// What is needed to make an entry and its escrow.
pub struct Creation<'a> {
    pub program_id: &'a Address,
    pub payer: &'a AccountView,
    /// The wallet in the entry's address.
    pub wallet: &'a Address,
    pub entry: &'a AccountView,
    pub escrow: &'a AccountView,
    pub mint: &'a AccountView,
}

impl Creation<'_> {
    /// Makes the account of the entry; returns its bump.
    #[inline(always)]
    pub fn make_entry<T: Entry>(&self, nonce: &U64) -> Result<u8, ProgramError> {
        let nonce = nonce.get().to_le_bytes();
        let seeds: [&[u8]; 3] = [T::SEED, self.wallet.as_array(), &nonce];
        let bump = pda::canonical_bump(&seeds, self.program_id, self.entry.address())
            .ok_or(InvalidAccount)?;
        accounts::create(
            self.payer,
            self.entry,
            self.program_id,
            T::SPACE,
            &[
                Seed::from(seeds[0]),
                Seed::from(seeds[1]),
                Seed::from(seeds[2]),
                Seed::from(&[bump]),
            ],
        )?;
        Ok(bump)
    }

    /// Makes the escrow and moves `amount` into it out of `from`, for which `authority` signed;
    /// returns its bump.
    #[inline(always)]
    pub fn fill_escrow(
        &self,
        from: &AccountView,
        authority: &AccountView,
        amount: u64,
    ) -> Result<u8, ProgramError> {
        let entry = self.entry.address();
        let seeds: [&[u8]; 2] = [ESCROW_SEED, entry.as_array()];
        let bump = pda::canonical_bump(&seeds, self.program_id, self.escrow.address())
            .ok_or(InvalidAccount)?;
        accounts::create(
            self.payer,
            self.escrow,
            &accounts::TOKEN_PROGRAM,
            TokenAccount::LEN,
            &[
                Seed::from(seeds[0]),
                Seed::from(seeds[1]),
                Seed::from(&[bump]),
            ],
        )?;
        tokens::batch(
            InitializeAccount3::new(self.escrow, self.mint, entry),
            Transfer::new(from, self.escrow, authority, amount),
            &[],
        )?;
        Ok(bump)
    }
}

/// What is needed to end an entry: it and its escrow are closed.
pub struct Closing<'a> {
    pub program_id: &'a Address,
    pub entry: &'a mut AccountView,
    pub escrow: &'a AccountView,
    pub rent_payer: &'a mut AccountView,
    /// What the escrow holds, and who may have what is left in it, and where.
    pub mint: &'a Address,
    pub heir: &'a Address,
    pub heir_token: &'a AccountView,
}

impl Closing<'_> {
    /// Empties the escrow, closes it and the entry, and gives the rent back; returns what was
    /// left in the escrow. The heir's token account may be anything when that is nothing.
    #[inline(never)] // in four instructions; in a frame of its own it is also cheaper
    pub fn close<T: Entry>(&mut self, entry: &T) -> Result<u64, ProgramError> {
        entry.require_escrow(self.program_id, self.entry.address(), self.escrow)?;
        accounts::is(self.rent_payer, entry.rent_payer(), InvalidAccount)?;
        let left = TokenAccount::from_account_view(self.escrow)?.amount();
        let close = CloseAccount::new(self.escrow, self.rent_payer, self.entry);
        if left == 0 {
            entry.signed(|signers| close.invoke_signed(signers))?;
        } else {
            tokens::owned(self.heir_token, self.mint, self.heir)?;
            let sweep = Transfer::new(self.escrow, self.heir_token, self.entry, left);
            entry.signed(|signers| tokens::batch(sweep, close, signers))?;
        }
        let rent = self.entry.lamports();
        let lamports = self.rent_payer.lamports().checked_add(rent);
        self.rent_payer
            .set_lamports(lamports.ok_or(InvalidTokenAccount)?);
        self.entry.close()?;
        Ok(left)
    }
}

/// A guard flag: the entry is not inside a trade.
#[inline(always)]
pub fn require_not_entered(entered: u8) -> ProgramResult {
    require(entered == 0, ReentrancyDetected)
}
