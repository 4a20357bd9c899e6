//! A wallet registers itself as a user.

use crate::{
    error::RegistryError::{
        ArithmeticOverflow, InvalidAccount, InvalidArguments, InvalidUserType, MissingSignature,
        UserAlreadyRegistered, WrongNumberOfAccounts,
    },
    events::{self, UserRegistered},
    state::{Config, User, UserType},
};
use common::{
    accounts::{self, SYSTEM_PROGRAM},
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
        let [config, wallet, user, payer, system_program, event_authority, program] = accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-user-signature"))]
        accounts::signer(wallet, MissingSignature)?;
        #[cfg(not(feature = "without-user-payer-signature"))]
        accounts::signer(payer, MissingSignature)?;
        #[cfg(not(feature = "without-user-system-program"))]
        accounts::is(system_program, &SYSTEM_PROGRAM, InvalidAccount)?;
        let wallet = wallet.address();
        #[cfg(not(feature = "without-user-vacant"))]
        accounts::vacant(user, UserAlreadyRegistered)?;
        let user_bump = canonical_bump(&[b"user", wallet.as_array()], program_id, user.address())
            .or(cfg!(feature = "without-user-address").then_some(u8::MAX))
            .ok_or(InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
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
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    #[cfg(not(feature = "without-user-type"))]
    UserType::from_byte(arguments.user_type).ok_or(InvalidUserType)?;
    let accounts = Accounts::check(program_id, accounts)?;
    let sequence = accounts::load_mut::<Config, _>(accounts.config, program_id, InvalidAccount)?
        .event_sequence
        .increment()
        .ok_or(ArithmeticOverflow)?;
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
            wallet: *accounts.wallet,
            user_type: arguments.user_type,
            registered_at: now.timestamp().into(),
            bump: accounts.user_bump,
        },
    )?;
    accounts.events.emit(UserRegistered {
        sequence: sequence.into(),
        wallet: *accounts.wallet,
        user_type: arguments.user_type,
        timestamp: now.timestamp().into(),
    })
}
