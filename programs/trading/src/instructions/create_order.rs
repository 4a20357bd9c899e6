//! `create_order`: offers energy for sale, and moves it into the order's escrow.

use crate::error::TradingError::{
    ArithmeticOverflow, InsufficientBalance, InvalidAccount, InvalidArguments, InvalidExpiry,
    InvalidMint, InvalidNonce, InvalidPrice, InvalidTokenAccount, MissingSignature,
    WrongNumberOfAccounts,
};
use crate::events::{self, OrderCreated};
use crate::state::market::Market;
use crate::state::order::{require_lots, Order, OrderStatus, MAXIMUM};
use crate::state::trader::Trader;
use crate::tokens;
use common::accounts::{self, TokenAccount};
use common::codec::{from_bytes, Account, I64, U64};
use common::error::require;
use common::events::EventSink;
use common::{math, pda, time::Now};
use pinocchio::{
    account::RefMut, address::address_eq, cpi::Seed, error::ProgramError, AccountView, Address,
    ProgramResult,
};
use pinocchio_token::instructions::{InitializeAccount3, Transfer};

common::layout! {
    struct Arguments {
        nonce: U64,
        amount_mwh: U64,
        price_micro_grx: U64,
        expires_at: I64,
    }
}

impl Arguments {
    /// The order makes sense by itself, now.
    #[inline(always)]
    fn validate(&self, now: i64) -> ProgramResult {
        let price = self.price_micro_grx.get();
        let expires_at = self.expires_at.get();
        require_lots(self.amount_mwh.get())?;
        require(price != 0 && price <= MAXIMUM, InvalidPrice)?;
        let total = math::quote(self.amount_mwh.get(), price);
        require(total.is_some_and(|total| total <= MAXIMUM), InvalidPrice)?;
        require(expires_at == 0 || expires_at > now, InvalidExpiry)?;
        require(self.nonce.get() <= MAXIMUM, InvalidNonce)
    }
}

struct Accounts<'a> {
    program_id: &'a Address,
    market: RefMut<'a, Market>,
    seller: &'a AccountView,
    trader: &'a mut AccountView,
    order: &'a mut AccountView,
    escrow: &'a AccountView,
    seller_energy: &'a AccountView,
    energy_mint: &'a AccountView,
    payer: &'a AccountView,
    events: EventSink<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn new(program_id: &'a Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [market, seller, seller_user, trader, order, escrow, seller_energy, energy_mint, payer, token_program, system_program, event_authority, program] =
            accounts
        else {
            return Err(WrongNumberOfAccounts.into());
        };
        let market = accounts::load_mut::<Market, _>(market, program_id, InvalidAccount)?;
        market.require_open()?;
        accounts::signer(seller, MissingSignature)?;
        accounts::signer(payer, MissingSignature)?;
        market.require_registered(seller_user, seller.address())?;
        accounts::vacant(order, InvalidNonce)?;
        accounts::is(energy_mint, &market.energy_mint, InvalidMint)?;
        accounts::is(token_program, &accounts::TOKEN_PROGRAM, InvalidAccount)?;
        accounts::is(system_program, &accounts::SYSTEM_PROGRAM, InvalidAccount)?;
        Ok(Self {
            events: events::sink(program_id, event_authority, program)?,
            program_id,
            market,
            seller,
            trader,
            order,
            escrow,
            seller_energy,
            energy_mint,
            payer,
        })
    }

    /// The seller has that much energy in a token account of their own.
    #[inline(always)]
    fn require_energy(&self, amount_mwh: u64) -> ProgramResult {
        let mint = &self.market.energy_mint;
        let energy = accounts::token_account(self.seller_energy, mint, InvalidTokenAccount)?;
        require(
            address_eq(energy.owner(), self.seller.address()),
            InvalidTokenAccount,
        )?;
        require(energy.amount() >= amount_mwh, InsufficientBalance)
    }

    /// Records a nonce that is higher than the seller's last one, with their first order in an
    /// account made for it.
    #[inline(always)]
    fn use_nonce(&mut self, nonce: U64) -> ProgramResult {
        let wallet = self.seller.address();
        if accounts::vacant(self.trader, InvalidAccount).is_err() {
            let trader =
                accounts::load_mut::<Trader, _>(self.trader, self.program_id, InvalidAccount);
            let mut trader = trader?;
            require(address_eq(&trader.wallet, wallet), InvalidAccount)?;
            require(nonce.get() > trader.last_nonce.get(), InvalidNonce)?;
            trader.last_nonce = nonce;
            return Ok(());
        }
        require(nonce.get() != 0, InvalidNonce)?;
        let seeds: [&[u8]; 2] = [Trader::SEED, wallet.as_array()];
        let bump = pda::canonical_bump(&seeds, self.program_id, self.trader.address())
            .ok_or(InvalidAccount)?;
        let trader = Trader {
            wallet: *wallet,
            last_nonce: nonce,
            bump,
        };
        accounts::create(
            self.payer,
            self.trader,
            self.program_id,
            Trader::SPACE,
            &[
                Seed::from(seeds[0]),
                Seed::from(seeds[1]),
                Seed::from(&[bump]),
            ],
        )?;
        accounts::initialise(self.trader, trader)
    }

    /// Makes the order's account; returns its bump.
    #[inline(always)]
    fn make_order(&self, nonce: &U64) -> Result<u8, ProgramError> {
        let nonce = nonce.get().to_le_bytes();
        let seeds: [&[u8]; 3] = [Order::SEED, self.seller.address().as_array(), &nonce];
        let bump = pda::canonical_bump(&seeds, self.program_id, self.order.address())
            .ok_or(InvalidAccount)?;
        accounts::create(
            self.payer,
            self.order,
            self.program_id,
            Order::SPACE,
            &[
                Seed::from(seeds[0]),
                Seed::from(seeds[1]),
                Seed::from(seeds[2]),
                Seed::from(&[bump]),
            ],
        )?;
        Ok(bump)
    }

    /// Makes the order's escrow and moves the energy into it; returns its bump.
    #[inline(always)]
    fn fill_escrow(&self, amount_mwh: u64) -> Result<u8, ProgramError> {
        let order = self.order.address();
        let seeds: [&[u8]; 2] = [Order::ESCROW_SEED, order.as_array()];
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
            InitializeAccount3::new(self.escrow, self.energy_mint, order),
            Transfer::new(self.seller_energy, self.escrow, self.seller, amount_mwh),
            &[],
        )?;
        Ok(bump)
    }
}

pub fn process(
    program_id: &Address,
    accounts: &mut [AccountView],
    arguments: &[u8],
) -> ProgramResult {
    let arguments: &Arguments = from_bytes(arguments).ok_or(InvalidArguments)?;
    let now = Now::get()?.timestamp();
    arguments.validate(now)?;
    let mut accounts = Accounts::new(program_id, accounts)?;
    accounts.require_energy(arguments.amount_mwh.get())?;
    accounts.use_nonce(arguments.nonce)?;
    let number = accounts.market.next_order_number;
    accounts
        .market
        .next_order_number
        .increment()
        .ok_or(ArithmeticOverflow)?;
    accounts
        .market
        .event_sequence
        .increment()
        .ok_or(ArithmeticOverflow)?;
    let bump = accounts.make_order(&arguments.nonce)?;
    let escrow_bump = accounts.fill_escrow(arguments.amount_mwh.get())?;
    let order = Order {
        number,
        seller: *accounts.seller.address(),
        nonce: arguments.nonce,
        amount_mwh: arguments.amount_mwh,
        filled_mwh: U64::new(0),
        reserved_mwh: U64::new(0),
        price_micro_grx: arguments.price_micro_grx,
        status: OrderStatus::Active as u8,
        created_at: I64::new(now),
        expires_at: arguments.expires_at,
        rent_payer: *accounts.payer.address(),
        entered: 0,
        escrow_bump,
        bump,
    };
    accounts::initialise(accounts.order, order)?;
    accounts.events.emit(OrderCreated {
        sequence: accounts.market.event_sequence,
        order: *accounts.order.address(),
        number,
        seller: *accounts.seller.address(),
        amount_mwh: arguments.amount_mwh,
        price_micro_grx: arguments.price_micro_grx,
        expires_at: arguments.expires_at,
        timestamp: I64::new(now),
    })
}
