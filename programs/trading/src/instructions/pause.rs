//! `pause`: the pauser or the authority stops trading. Nothing that gives people their own back is
//! stopped: cancelling, expiry, releases and closing go on.

use super::Call;
use crate::error::TradingError::{InvalidAccount, MissingSignature, Unauthorized};
use crate::events::{self, Paused};
use crate::state::market::Market;
use common::accounts;
use common::codec::I64;
use common::error::require;
use common::time::Now;
use pinocchio::{address::address_eq, ProgramResult};

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    call.arguments::<[u8; 0]>()?;
    let [market, pauser, event_authority, program] = call.accounts()?;
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-pause-signature"))]
    accounts::signer(pauser, MissingSignature)?;
    let address = pauser.address();
    #[cfg(not(feature = "without-pauser-check"))]
    require(
        address_eq(address, &market.pauser) || address_eq(address, &market.authority),
        Unauthorized,
    )?;
    let events = events::sink(program_id, event_authority, program)?;
    market.paused = 1;
    let sequence = market.next_event()?;
    events.emit(Paused {
        sequence,
        pauser: *pauser.address(),
        timestamp: I64::new(Now::get()?.timestamp()),
    })
}
