//! Why the registry refuses.

use common::{errors, precompile::Fault};

errors! {
    /// In the order of the IDL, which has the messages.
    pub enum RegistryError {
        UnknownInstruction,
        InvalidArguments,
        WrongNumberOfAccounts,
        MissingSignature,
        InvalidAccount,
        AlreadyInitialized,
        Unauthorized,
        ArithmeticOverflow,
        InvalidInterval,
        InvalidUserType,
        UserAlreadyRegistered,
        UserNotRegistered,
        MeterAlreadyRegistered,
        InvalidLimit,
        DailyCapReached,
        WrongSysvar,
        NotTopLevel,
        MissingProof,
        MalformedProof,
        NotReading,
        WrongDeployment,
        NumberOutOfRange,
        BaselineNotFirst,
        BaselineHasPrevious,
        BaselineHasSurplus,
        InvalidFlags,
        TelemetryDisclosed,
        TimeOutOfRange,
        WrongMeter,
        MeterRevoked,
        MeterNotActive,
        SequenceNotHigher,
        KeyNotNew,
        NoEquivocation,
        NotSettled,
        SameOwner,
        EnergyTokenAlreadySet,
    }
}

impl From<Fault> for RegistryError {
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
