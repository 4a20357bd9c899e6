//! Why the energy-token program refuses.

use common::{errors, precompile::Fault};

errors! {
    /// Names, order and messages are those of the IDL.
    pub enum EnergyTokenError {
        /// This program has no such instruction.
        UnknownInstruction,
        /// The arguments have another size than this instruction takes.
        InvalidArguments,
        /// This instruction takes another number of accounts.
        WrongNumberOfAccounts,
        /// An account that must sign did not.
        MissingSignature,
        /// An account is not the one that belongs here.
        InvalidAccount,
        /// The program is initialised already.
        AlreadyInitialized,
        /// The signer has no right to do this.
        Unauthorized,
        /// A number does not fit.
        ArithmeticOverflow,
        /// This is not the mint that belongs here.
        InvalidMint,
        /// The token account must be classic SPL Token, of the right owner and mint, without
        /// delegate or close authority.
        InvalidTokenAccount,
        /// The amount must be above zero.
        InvalidAmount,
        /// No more than the cap of GRX is ever minted.
        CapExceeded,
        /// This meter's ledger is open already.
        LedgerAlreadyOpen,
        /// The account is not the instructions sysvar.
        WrongSysvar,
        /// A reading is accepted from the transaction itself, not through another program.
        NotTopLevel,
        /// The instruction directly before must check an Ed25519 or secp256r1 signature.
        MissingProof,
        /// The signature check directly before has another layout than the one accepted.
        MalformedProof,
        /// What was signed is not a reading, or names an algorithm that the key has not.
        NotReading,
        /// The reading was signed for another deployment.
        WrongDeployment,
        /// The reading is another meter's.
        WrongMeter,
        /// The key that signed is not the meter's, or no longer.
        WrongKey,
        /// The meter is suspended or revoked.
        MeterNotActive,
        /// A number in the reading is 2^63 or more.
        NumberOutOfRange,
        /// The reading is not a settlement reading.
        NotSettlement,
        /// The device's clock was not synchronised.
        ClockNotSynchronised,
        /// The reading tells of a fault, a replaced register or tampering.
        MeterFaulty,
        /// The reading has flags that this format does not know.
        UnknownFlags,
        /// What goes on chain carries no power, voltage, current or frequency.
        TelemetryDisclosed,
        /// A reading with this sequence or a higher one is settled already.
        SequenceNotHigher,
        /// A reading of this time or a later one is settled already.
        TimeNotHigher,
        /// The reading's time is not a boundary of the settlement interval.
        NotIntervalBoundary,
        /// The reading's time is more than 60 s ahead of the chain.
        TimeInFuture,
        /// A register is lower than when it was last settled.
        RegisterFell,
        /// The surplus is not between production less consumption and production.
        FalseSurplus,
        /// More was produced than the export limit allows in that time.
        ExportLimitExceeded,
        /// More was consumed than the import limit allows in that time.
        ImportLimitExceeded,
        /// More was produced than the daily limit allows.
        DailyLimitExceeded,
        /// The reading was signed before the registers were replaced: it had to be settled before
        /// the rebase.
        SignedBeforeRebase,
        /// The reading does not say that its registers were replaced.
        NotReplaced,
        /// No more can be redeemed than the meter recorded as consumed beyond its own production.
        DeficitExceeded,
        /// The account holds less than is to be redeemed.
        InsufficientBalance,
        /// There is no such role.
        InvalidRole,
    }
}

impl From<Fault> for EnergyTokenError {
    #[inline(always)]
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::WrongSysvar => Self::WrongSysvar,
            Fault::NotTopLevel => Self::NotTopLevel,
            Fault::Missing => Self::MissingProof,
            Fault::Malformed => Self::MalformedProof,
            Fault::NotReading => Self::NotReading,
        }
    }
}
