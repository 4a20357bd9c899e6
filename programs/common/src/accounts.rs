//! Checks of the accounts that an instruction is given; each ends in the error it is told.

use crate::codec::{self, Account};
use crate::error::require;
use pinocchio::{
    account::{Ref, RefMut},
    address::address_eq,
    cpi::{Seed, Signer},
    error::ProgramError,
    AccountView, Address, ProgramResult,
};
use pinocchio_system::instructions::CreateAccountAllowPrefund;

pub use pinocchio_system::ID as SYSTEM_PROGRAM;
/// A token account of classic SPL Token.
pub use pinocchio_token::state::Account as TokenAccount;
pub use pinocchio_token::ID as TOKEN_PROGRAM;

/// The account signed.
#[inline(always)]
pub fn signer<E: Into<ProgramError>>(account: &AccountView, error: E) -> ProgramResult {
    require(account.is_signer(), error)
}

/// The account may be written.
#[inline(always)]
pub fn writable<E: Into<ProgramError>>(account: &AccountView, error: E) -> ProgramResult {
    require(account.is_writable(), error)
}

/// The account is the one at `address`.
#[inline(always)]
pub fn is<E: Into<ProgramError>>(
    account: &AccountView,
    address: &Address,
    error: E,
) -> ProgramResult {
    require(address_eq(account.address(), address), error)
}

/// The account belongs to `program`.
#[inline(always)]
pub fn owned_by<E: Into<ProgramError>>(
    account: &AccountView,
    program: &Address,
    error: E,
) -> ProgramResult {
    require(address_eq(account.owner(), program), error)
}

/// State of an account of `program`, to be read: owner, type and size are checked.
///
/// A program makes accounts of a type only at that type's address, so what such an account says
/// of itself (its meter id, its wallet) is as good as its derivation.
#[inline(always)]
pub fn load<'a, T: Account, E: Into<ProgramError> + Copy>(
    account: &'a AccountView,
    program: &Address,
    error: E,
) -> Result<Ref<'a, T>, ProgramError> {
    #[cfg(not(feature = "without-read-owner"))]
    owned_by(account, program, error)?;
    Ref::filter_map(account.try_borrow()?, |data| {
        let (head, state) = data.split_first_chunk::<8>()?;
        #[cfg(not(feature = "without-read-type"))]
        (*head == T::DISCRIMINATOR).then_some(())?;
        codec::from_bytes(state)
    })
    .map_err(|_| error.into())
}

/// As `load`, to be changed in place.
#[inline(always)]
pub fn load_mut<'a, T: Account, E: Into<ProgramError> + Copy>(
    account: &'a mut AccountView,
    program: &Address,
    error: E,
) -> Result<RefMut<'a, T>, ProgramError> {
    #[cfg(not(feature = "without-written-owner"))]
    owned_by(account, program, error)?;
    #[cfg(not(feature = "without-writable"))]
    writable(account, error)?;
    RefMut::filter_map(account.try_borrow_mut()?, |data| {
        let (head, state) = data.split_first_chunk_mut::<8>()?;
        #[cfg(not(feature = "without-written-type"))]
        (*head == T::DISCRIMINATOR).then_some(())?;
        codec::from_bytes_mut(state)
    })
    .map_err(|_| error.into())
}

/// Makes an account at a derived address. Lamports that somebody sent ahead are no obstacle.
///
/// The caller checks beforehand, with `vacant`, that nothing is there, and the address by its
/// canonical bump, which is the last seed.
#[inline(always)]
pub fn create<const N: usize>(
    payer: &AccountView,
    account: &AccountView,
    owner: &Address,
    space: usize,
    seeds: &[Seed; N],
) -> ProgramResult {
    #[cfg(feature = "without-prefunding")]
    return pinocchio_system::instructions::CreateAccount::with_minimum_balance(
        payer,
        account,
        space as u64,
        owner,
        None,
    )?
    .invoke_signed(&[Signer::from(seeds)]);
    #[cfg(not(feature = "without-prefunding"))]
    CreateAccountAllowPrefund::with_minimum_balance(payer, account, space as u64, owner, None)?
        .invoke_signed(&[Signer::from(seeds)])
}

/// Nothing was made at this address yet: the system program owns it.
#[inline(always)]
pub fn vacant<E: Into<ProgramError>>(account: &AccountView, error: E) -> ProgramResult {
    owned_by(account, &SYSTEM_PROGRAM, error)
}

/// Writes the first state of an account that this instruction made.
#[inline(always)]
pub fn initialise<T: Account>(account: &mut AccountView, state: T) -> ProgramResult {
    let mut data = account.try_borrow_mut()?;
    let (head, body) = data
        .split_first_chunk_mut::<8>()
        .ok_or(ProgramError::AccountDataTooSmall)?;
    *head = T::DISCRIMINATOR;
    *codec::from_bytes_mut(body).ok_or(ProgramError::AccountDataTooSmall)? = state;
    Ok(())
}

/// A token account of classic SPL Token for `mint`, in use, with neither delegate nor close
/// authority: nobody but its owner can move or close what is put there.
#[inline(always)]
pub fn token_account<'a, E: Into<ProgramError> + Copy>(
    account: &'a AccountView,
    mint: &Address,
    error: E,
) -> Result<Ref<'a, TokenAccount>, ProgramError> {
    let token = TokenAccount::from_account_view(account).map_err(|_| error.into())?;
    require(
        (cfg!(feature = "without-token-initialised") || token.is_initialized())
            && (cfg!(feature = "without-token-thawed") || !token.is_frozen())
            && (cfg!(feature = "without-token-delegate") || !token.has_delegate())
            && (cfg!(feature = "without-token-close-authority") || !token.has_close_authority())
            && (cfg!(feature = "without-token-mint") || address_eq(token.mint(), mint)),
        error,
    )?;
    Ok(token)
}
