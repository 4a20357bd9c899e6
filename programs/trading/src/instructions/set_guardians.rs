//! `set_guardians`: the authority puts a set of guardians and its bridge in office; attestations
//! of the set before count for nothing any more.

use super::Call;
use crate::error::TradingError::{
    ArithmeticOverflow, InvalidAccount, MissingSignature, Unauthorized,
};
use crate::events::{self, GuardiansSet};
use crate::state::guardians::{GuardianSet, Guardians};
use crate::state::market::Market;
use common::codec::{Account, U64};
use common::{accounts, pda};
use pinocchio::{cpi::Seed, error::ProgramError, AccountView, Address, ProgramResult};

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    let set: &GuardianSet = call.arguments()?;
    set.validate()?;
    let [market, authority, guardians, payer, system_program, event_authority, program] =
        call.accounts()?;
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-guardians-signature"))]
    accounts::signer(authority, MissingSignature)?;
    #[cfg(not(feature = "without-guardians-payer-signature"))]
    accounts::signer(payer, MissingSignature)?;
    #[cfg(not(feature = "without-guardians-authority-check"))]
    accounts::is(authority, &market.authority, Unauthorized)?;
    #[cfg(not(feature = "without-guardians-system-program-check"))]
    accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let sequence = market.next_event()?;
    let (epoch, bump) = next_epoch(program_id, payer, guardians)?;
    let in_office = Guardians {
        epoch,
        threshold: set.threshold,
        count: set.count,
        guardians: set.guardians.clone(),
        evm_chain_id: set.evm_chain_id,
        bridge: set.bridge,
        bump,
    };
    accounts::initialise(guardians, in_office)?;
    events.emit(GuardiansSet {
        sequence,
        epoch,
        set: set.clone(),
    })
}

/// The epoch of the next set and the bump of its account, which is made for the first one.
#[inline(always)]
fn next_epoch(
    program_id: &Address,
    payer: &AccountView,
    guardians: &mut AccountView,
) -> Result<(U64, u8), ProgramError> {
    if accounts::vacant(guardians, InvalidAccount).is_ok() {
        let bump = pda::canonical_bump(&[Guardians::SEED], program_id, guardians.address())
            .ok_or(InvalidAccount)?;
        accounts::create(
            payer,
            guardians,
            program_id,
            Guardians::SPACE,
            &[Seed::from(Guardians::SEED), Seed::from(&[bump])],
        )?;
        return Ok((U64::new(1), bump));
    }
    let mut retired = accounts::load_mut::<Guardians, _>(guardians, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-new-epoch"))]
    retired.epoch.increment().ok_or(ArithmeticOverflow)?;
    Ok((retired.epoch, retired.bump))
}
