"""A guardian's two keys, each in a file that its owner alone can read."""

import os
from dataclasses import dataclass
from pathlib import Path

from coincurve import PrivateKey
from solders.keypair import Keypair

from gridtokenx_guardian.errors import KeyFileError
from gridtokenx_programs.evm import address_of_key, sign

SOLANA_KEY = "solana.key"
EVM_KEY = "evm.key"
SEED_SIZE = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """Ed25519 for Solana, secp256k1 for the EVM."""

    solana: Keypair
    evm: PrivateKey

    @property
    def evm_address(self) -> bytes:
        """The 20 bytes by which the bridge knows this guardian."""
        return address_of_key(self.evm)

    def sign_solana(self, digest: bytes) -> bytes:
        """64 bytes of Ed25519; the same digest has always the same."""
        return bytes(self.solana.sign_message(digest))

    def sign_evm(self, digest: bytes) -> bytes:
        """65 bytes, r, s and v, with low s; the same digest has always the same (RFC 6979)."""
        return sign(self.evm, digest)


def create(folder: Path) -> Keys:
    """Draw both keys; they and their names are on disk before this returns.

    Raises:
        KeyFileError: there are keys already, or they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, seed in (
            (SOLANA_KEY, bytes(Keypair().secret())),
            (EVM_KEY, PrivateKey().secret),
        ):
            _write(folder / name, seed)
        sync_folder(folder)
    except FileExistsError as error:
        raise KeyFileError(
            f"{error.filename} is there already: a guardian's keys are drawn once"
        ) from error
    except OSError as error:
        raise KeyFileError(f"{folder}: {error.strerror}; see that it can be written") from error
    return load(folder)


def load(folder: Path) -> Keys:
    """Read both keys.

    Raises:
        KeyFileError: one is absent, damaged or readable by others.
    """
    solana, evm = (_read(folder / name) for name in (SOLANA_KEY, EVM_KEY))
    try:
        return Keys(Keypair.from_seed(solana), PrivateKey(evm))
    except ValueError as error:
        raise KeyFileError(f"{folder}: {error}; restore the key from your backup") from error


def sync_folder(folder: Path) -> None:
    """Have the disk remember which files are in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, seed: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(seed)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path} can be read by others: chmod 600 it, and replace the key")
        seed = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; run gtx-guardian init first") from error
    if len(seed) != SEED_SIZE:
        raise KeyFileError(f"{path} has {len(seed)} bytes, not {SEED_SIZE}: restore your backup")
    return seed
