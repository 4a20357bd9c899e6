//! Why the energy-token program refuses.

use common::{errors, precompile::Fault};

errors! {
    /// In the order of the IDL, which has the messages.
    pub enum EnergyTokenError {
        UnknownInstruction,
        InvalidArguments,
        WrongNumberOfAccounts,
        MissingSignature,
        InvalidAccount,
        AlreadyInitialized,
        Unauthorized,
        ArithmeticOverflow,
        InvalidMint,
        InvalidTokenAccount,
        InvalidAmount,
        CapExceeded,
        LedgerAlreadyOpen,
        WrongSysvar,
        NotTopLevel,
        MissingProof,
        MalformedProof,
        NotReading,
        WrongDeployment,
        WrongMeter,
        WrongKey,
        MeterNotActive,
        NumberOutOfRange,
        NotSettlement,
        ClockNotSynchronised,
        MeterFaulty,
        UnknownFlags,
        TelemetryDisclosed,
        SequenceNotHigher,
        TimeNotHigher,
        NotIntervalBoundary,
        TimeInFuture,
        RegisterFell,
        FalseSurplus,
        ExportLimitExceeded,
        ImportLimitExceeded,
        DailyLimitExceeded,
        SignedBeforeRebase,
        NotReplaced,
        DeficitExceeded,
        InsufficientBalance,
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
