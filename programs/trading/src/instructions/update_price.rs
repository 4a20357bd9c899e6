//! `update_price`: the oracle posts the price of a GRX in baht.

use super::Call;
use crate::error::TradingError::{InvalidAccount, MissingSignature, Unauthorized};
use crate::events::{self, PriceUpdated};
use crate::state::market::Market;
use crate::state::price::Price;
use common::codec::{Account, I64, U64};
use common::time::Now;
use common::{accounts, pda};
use pinocchio::{cpi::Seed, ProgramResult};

common::layout! {
    struct Arguments {
        rate_micro_thb_per_grx: U64,
    }
}

pub fn process(call: Call) -> ProgramResult {
    let program_id = call.program_id;
    let arguments: &Arguments = call.arguments()?;
    #[cfg(not(feature = "without-rate-check"))]
    Price::require_sane(arguments.rate_micro_thb_per_grx.get())?;
    let [market, oracle, price, payer, system_program, event_authority, program] =
        call.accounts()?;
    let mut market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
    #[cfg(not(feature = "without-oracle-signature"))]
    accounts::signer(oracle, MissingSignature)?;
    #[cfg(not(feature = "without-price-payer-signature"))]
    accounts::signer(payer, MissingSignature)?;
    #[cfg(not(feature = "without-oracle-check"))]
    accounts::is(oracle, &market.oracle, Unauthorized)?;
    #[cfg(not(feature = "without-price-system-program-check"))]
    accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
    let events = events::sink(program_id, event_authority, program)?;
    let now = I64::new(Now::get()?.timestamp());
    let sequence = market.next_event()?;
    if accounts::vacant(price, InvalidAccount).is_ok() {
        let bump = pda::canonical_bump(&[Price::SEED], program_id, price.address())
            .ok_or(InvalidAccount)?;
        accounts::create(
            payer,
            price,
            program_id,
            Price::SPACE,
            &[Seed::from(Price::SEED), Seed::from(&[bump])],
        )?;
        let first = Price {
            rate_micro_thb_per_grx: arguments.rate_micro_thb_per_grx,
            updated_at: now,
            bump,
        };
        accounts::initialise(price, first)?;
    } else {
        let mut price = accounts::load_mut::<Price, _>(price, program_id, InvalidAccount)?;
        price.rate_micro_thb_per_grx = arguments.rate_micro_thb_per_grx;
        price.updated_at = now;
    }
    events.emit(PriceUpdated {
        sequence,
        rate_micro_thb_per_grx: arguments.rate_micro_thb_per_grx,
        timestamp: now,
    })
}
