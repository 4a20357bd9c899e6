//! Why the program refuses; the same order as in `idl/trading.json`.

common::errors! {
    pub enum TradingError {
        /// The token account holds too little.
        InsufficientBalance,
        /// The order or offer is in a state that does not allow this, or has expired.
        InvalidOrder,
        /// Nobody trades with themselves.
        SelfTradingNotAllowed,
        /// The amount or price is not what the order or offer has, or what it comes to.
        AmountMismatch,
        /// This key may not do this.
        Unauthorized,
        /// The order or offer is already inside a trade.
        ReentrancyDetected,
        /// The bridge's proof does not hold.
        InvalidBridgeProof,
        /// The amount must be a positive number of whole lots (1000 mWh).
        InvalidAmount,
        /// The price must be more than zero, and the total must fit 63 bits.
        InvalidPrice,
        /// The expiry must lie in the future, or be zero for none.
        InvalidExpiry,
        /// The nonce must be the time in Unix milliseconds, within 10 minutes of the chain's, and not
        /// in use; a reservation's must be higher than the buyer's last one.
        InvalidNonce,
        /// The market is paused.
        MarketPaused,
        /// The wallet is not a registered user.
        NotRegistered,
        /// The mint is not the market's, or not a classic SPL Token mint with 6 decimals.
        InvalidMint,
        /// The token account has another owner or mint, a delegate, a close authority, or is frozen.
        InvalidTokenAccount,
        /// An account is not the one that belongs here.
        InvalidAccount,
        /// A number does not fit.
        ArithmeticOverflow,
        /// The market was made before.
        AlreadyInitialized,
        /// A required signature is missing.
        MissingSignature,
        /// The program has no such instruction.
        UnknownInstruction,
        /// The arguments are not as long as they should be.
        InvalidArguments,
        /// There are too few or too many accounts.
        WrongNumberOfAccounts,
        /// The time for this has not come yet.
        TooEarly,
        /// The time for this is over.
        TooLate,
        /// A rate is more than zero and at most a million baht for a GRX.
        InvalidRate,
        /// The price feed's rate is older than 5 minutes.
        StalePrice,
        /// Guardians are at most nine, all different, and more than half of them must sign.
        InvalidGuardians,
        /// The buyer has a reservation already.
        ReservationOpen,
    }
}
