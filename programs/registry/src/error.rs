//! Why the registry refuses.

use common::{errors, precompile::Fault};

errors! {
    /// Names, order and messages are those of the IDL.
    pub enum RegistryError {
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
        /// The settlement interval must divide a day, in whole seconds.
        InvalidInterval,
        /// There is no such type of user.
        InvalidUserType,
        /// This wallet is registered already.
        UserAlreadyRegistered,
        /// The owner is not a registered user.
        UserNotRegistered,
        /// A meter id is registered only once.
        MeterAlreadyRegistered,
        /// Limits must be above zero and below 2^63.
        InvalidLimit,
        /// The registrar has registered as many meters as it may today.
        DailyCapReached,
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
        /// A number in the reading is 2^63 or more.
        NumberOutOfRange,
        /// A baseline has sequence 1.
        BaselineNotFirst,
        /// A baseline has no reading before it.
        BaselineHasPrevious,
        /// A baseline starts with no surplus.
        BaselineHasSurplus,
        /// The reading must have a synchronised clock, and no flag that does not belong here.
        InvalidFlags,
        /// What goes on chain carries no power, voltage, current or frequency.
        TelemetryDisclosed,
        /// The reading must be at most a day old and at most 60 s ahead of the chain.
        TimeOutOfRange,
        /// The reading is another meter's.
        WrongMeter,
        /// A revoked meter stays revoked.
        MeterRevoked,
        /// The meter is suspended: rotate its key first.
        MeterNotActive,
        /// The reading must come after the one with which the current key began.
        SequenceNotHigher,
        /// The new key must be neither the current one nor the one before.
        KeyNotNew,
        /// These messages are not two different readings of this meter with one sequence under one
        /// key.
        NoEquivocation,
        /// Settle the meter at the last interval boundary first.
        NotSettled,
        /// The meter is this owner's already.
        SameOwner,
        /// The energy-token program is set already.
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
