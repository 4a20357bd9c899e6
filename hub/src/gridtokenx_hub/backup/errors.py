"""What keeps a backup from being taken or restored, each by name."""


class BackupError(RuntimeError):
    """Nothing was changed; the message says why and what to do."""


class NothingToBackUp(BackupError):
    """No hub has run on this database."""


class BackupUnderWay(BackupError):
    """Another backup of this database is being taken."""


class NotABackup(BackupError):
    """There is no backup in this folder."""


class BackupDamaged(BackupError):
    """A backup is not what was written."""


class BackupTooNew(BackupError):
    """A newer program made the backup."""


class KeysMissing(BackupError):
    """The hub's folder does not have the keys that belong to the backup."""


class OtherDeployment(BackupError):
    """Backup, database and chain do not belong together."""


class ChainBehind(BackupError):
    """The chain does not have what the backup has seen of it."""


class DatabaseInUse(BackupError):
    """Somebody else is connected to the database."""


class DatabaseNotEmpty(BackupError):
    """There is something in the database."""
