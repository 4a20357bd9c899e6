//! A meter goes to another owner, by the will of both and of a registrar, once everything is
//! settled: the ledger stands at the last interval boundary, so that what the meter signed until
//! then was minted to the owner before.

use crate::{
    error::RegistryError::{
        ArithmeticOverflow, InvalidAccount, InvalidArguments, MissingSignature, NotSettled,
        SameOwner, Unauthorized, UserNotRegistered, WrongNumberOfAccounts,
    },
    events::{self, MeterTransferred},
    roles::{check_active, check_registrar},
    state::{Config, EnergyToken, Ledger, Meter, User},
};
use common::{accounts, events::EventSink, require, time::Now};
use pinocchio::{
    account::RefMut, address::address_eq, error::ProgramError, AccountView, Address, ProgramResult,
};

struct Accounts<'a> {
    owner: &'a Address,
    new_owner: &'a Address,
    meter: RefMut<'a, Meter>,
    settled_until_ms: u64,
    settlement_interval_s: u32,
    event_sequence: u64,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn check(
        program_id: &'a Address,
        accounts: &'a mut [AccountView],
    ) -> Result<Self, ProgramError> {
        let [config, registrar_key, registrar, owner, new_owner, new_owner_user, meter, energy_token, ledger, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        #[cfg(not(feature = "without-transfer-registrar-signature"))]
        accounts::signer(registrar_key, MissingSignature)?;
        #[cfg(not(feature = "without-transfer-owner-signature"))]
        accounts::signer(owner, MissingSignature)?;
        #[cfg(not(feature = "without-transfer-heir-signature"))]
        accounts::signer(new_owner, MissingSignature)?;
        #[cfg(not(feature = "without-transfer-registrar"))]
        check_registrar(program_id, registrar, registrar_key.address())?;
        let user = accounts::load::<User, _>(new_owner_user, program_id, UserNotRegistered)?;
        require(
            cfg!(feature = "without-transfer-user")
                || address_eq(&user.wallet, new_owner.address()),
            UserNotRegistered,
        )?;
        let meter = accounts::load_mut::<Meter, _>(meter, program_id, InvalidAccount)?;
        let energy_token =
            accounts::load::<EnergyToken, _>(energy_token, program_id, InvalidAccount)?;
        let ledger = accounts::load::<Ledger, _>(ledger, &energy_token.program, InvalidAccount)?;
        #[cfg(not(feature = "without-transfer-ledger"))]
        require(ledger.meter_id == meter.meter_id, InvalidAccount)?;
        let events = events::sink(program_id, event_authority, program)?;
        let mut config = accounts::load_mut::<Config, _>(config, program_id, InvalidAccount)?;
        let event_sequence = config.event_sequence.increment();
        Ok(Self {
            owner: owner.address(),
            new_owner: new_owner.address(),
            meter,
            settled_until_ms: ledger.last_time_ms.get(),
            settlement_interval_s: config.settlement_interval_s.get(),
            event_sequence: event_sequence.ok_or(ArithmeticOverflow)?,
            events,
        })
    }

    /// No whole interval has passed since the last settlement.
    #[inline(always)]
    fn check_settled(&self, now: Now) -> ProgramResult {
        // 2³² × 1,000 fits.
        let interval_ms = u64::from(self.settlement_interval_s).wrapping_mul(1_000);
        require(
            now.ms_after(0) < self.settled_until_ms.saturating_add(interval_ms),
            NotSettled,
        )
    }
}

pub fn transfer_meter(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    #[cfg(not(feature = "without-transfer-arguments"))]
    require(arguments.is_empty(), InvalidArguments)?;
    let mut accounts = Accounts::check(program_id, accounts)?;
    #[cfg(not(feature = "without-transfer-active"))]
    check_active(&accounts.meter)?;
    require(
        cfg!(feature = "without-transfer-owner")
            || address_eq(&accounts.meter.owner, accounts.owner),
        Unauthorized,
    )?;
    #[cfg(not(feature = "without-transfer-other-owner"))]
    require(!address_eq(accounts.owner, accounts.new_owner), SameOwner)?;
    let now = Now::get()?;
    #[cfg(not(feature = "without-transfer-settled"))]
    accounts.check_settled(now)?;
    accounts.meter.owner = *accounts.new_owner;
    accounts.events.emit(MeterTransferred {
        sequence: accounts.event_sequence.into(),
        meter_id: accounts.meter.meter_id,
        previous_owner: *accounts.owner,
        owner: *accounts.new_owner,
        timestamp: now.timestamp().into(),
    })
}
