//! `resume`: the authority lets trading go on.

use super::Call;
use crate::error::TradingError::{InvalidAccount, MissingSignature, Unauthorized};
use crate::events::{self, Resumed};
use crate::state::market::Market;
use common::accounts;
use common::codec::I64;
use common::time::Now;
use pinocchio::ProgramResult;

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    call.arguments::<[u8; 0]>()?;
    let [market, authority, event_authority, program] = call.accounts()?;
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-resume-signature"))]
    accounts::signer(authority, MissingSignature)?;
    #[cfg(not(feature = "without-resume-authority-check"))]
    accounts::is(authority, &market.authority, Unauthorized)?;
    let events = events::sink(program_id, event_authority, program)?;
    market.paused = 0;
    let sequence = market.next_event()?;
    events.emit(Resumed {
        sequence,
        authority: *authority.address(),
        timestamp: I64::new(Now::get()?.timestamp()),
    })
}
