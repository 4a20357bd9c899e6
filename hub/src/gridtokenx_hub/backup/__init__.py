"""The hub's database in a folder of files, and back: decision 0026 says what is in it and why."""

from gridtokenx_hub.backup.create import back_up
from gridtokenx_hub.backup.errors import BackupError
from gridtokenx_hub.backup.manifest import Manifest
from gridtokenx_hub.backup.restore import Restored, restore
from gridtokenx_hub.backup.verify import verify

__all__ = ["BackupError", "Manifest", "Restored", "back_up", "restore", "verify"]
