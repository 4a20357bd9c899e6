//! A wallet registers itself as a user.

use crate::{
    error::RegistryError,
    events::UserRegistered,
    state::{Config, User, UserType},
};
use common::{
    accounts,
    codec::{from_bytes, Account},
    events::EventSink,
    layout,
    pda::canonical_bump,
    time::Now,
};
use pinocchio::{cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult};

layout! {
    struct Arguments {
        user_type: u8,
    }
}

struct Accounts<'a> {
    config: &'a mut AccountView,
    wallet: &'a Address,
    user: &'a mut AccountView,
    user_bump: u8,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, wallet, user, payer, _system_program, event_authority, program] = accounts
        else {
            return Err(RegistryError::WrongNumberOfAccounts.into());
        };
        accounts::signer(wallet, RegistryError::MissingSignature)?;
        let wallet = wallet.address();
        accounts::vacant(user, RegistryError::UserAlreadyRegistered)?;
        let user_bump = canonical_bump(&[b"user", wallet.as_array()], program_id, user.address())
            .ok_or(RegistryError::InvalidAccount)?;
        let events = EventSink::new(
            program_id,
            [event_authority, program],
            crate::EVENT_AUTHORITY_BUMP,
            RegistryError::InvalidAccount,
        )?;
        Ok(Self {
            config,
            wallet,
            user,
            user_bump,
            payer,
            events,
        })
    }
}

pub fn register_user(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(RegistryError::InvalidArguments)?;
    UserType::from_byte(arguments.user_type).ok_or(RegistryError::InvalidUserType)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let sequence = accounts::load_mut::<Config, _>(
        accounts.config,
        program_id,
        RegistryError::InvalidAccount,
    )?
    .event_sequence
    .increment()
    .ok_or(RegistryError::ArithmeticOverflow)?;
    let now = Now::get()?;

    let bump = [accounts.user_bump];
    let seeds = [
        Seed::from(b"user"),
        Seed::from(accounts.wallet.as_array()),
        Seed::from(&bump),
    ];
    accounts::create(
        accounts.payer,
        accounts.user,
        program_id,
        User::SPACE,
        &seeds,
    )?;
    accounts::initialise(
        accounts.user,
        User {
            wallet: accounts.wallet.clone(),
            user_type: arguments.user_type,
            registered_at: now.timestamp().into(),
            bump: accounts.user_bump,
        },
    )?;
    accounts.events.emit(UserRegistered {
        sequence: sequence.into(),
        wallet: accounts.wallet.clone(),
        user_type: arguments.user_type,
        timestamp: now.timestamp().into(),
    })
}
