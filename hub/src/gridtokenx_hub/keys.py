"""The keys by which the hub acts on chain, one per role, each in a file of its own."""

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from solders.keypair import Keypair
from solders.pubkey import Pubkey

SEED_SIZE = 32
REGISTRAR_ADDRESS = "registrar.pub"


class KeyFileError(ValueError):
    """A key file is not usable; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Who signs what.

    `authority` appoints registrars, `treasury` mints GRX and reserves orders for who pays in baht,
    `oracle` posts the rate of GRX in baht, `settlement` owns the lookup tables, and the
    `fee_payers` pay for transactions and own nothing else. Of the `registrar`, who registers
    meters, only the address is here: its key is opened by a process of its own.
    """

    authority: Keypair
    treasury: Keypair
    oracle: Keypair
    registrar: Pubkey
    settlement: Keypair
    fee_payers: tuple[Keypair, ...]


def load_seed(path: Path) -> bytes:
    """Return the 32-byte seed in `path`, which is created with a random one when absent.

    Raises:
        KeyFileError: the file has another size or can be read by others.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path)
    return read_seed(path)


def read_seed(path: Path) -> bytes:
    """Return the 32-byte seed in `path`.

    Raises:
        FileNotFoundError: there is no such file.
        KeyFileError: the file has another size or can be read by others.
    """
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} can be read by others: run chmod 600 on it and replace the key")
    seed = path.read_bytes()
    if len(seed) != SEED_SIZE:
        raise KeyFileError(f"{path} has {len(seed)} bytes, not 32: restore it from your backup")
    return seed


def _create(path: Path) -> None:
    """Draw a seed; of several processes that do so at once, one makes the file, and whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # for its owner alone
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(SEED_SIZE))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(name)
    Path(name).unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk remember which files are in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_role_keys(folder: Path, fee_payer_count: int) -> RoleKeys:
    """Return the role keys kept in `folder`, creating those that are absent.

    Raises:
        KeyFileError: a file is not usable, or the registrar has never been started here.
    """

    def keypair(name: str) -> Keypair:
        return Keypair.from_seed(load_seed(folder / f"{name}.seed"))

    return RoleKeys(
        authority=keypair("authority"),
        treasury=keypair("treasury"),
        oracle=keypair("oracle"),
        registrar=_registrar_address(folder),
        settlement=keypair("settlement"),
        fee_payers=tuple(keypair(f"fee-payer-{index}") for index in range(fee_payer_count)),
    )


def load_registrar(folder: Path) -> Keypair:
    """Return the registrar's key kept in `folder`, made when absent; its address goes beside it.

    Raises:
        KeyFileError: the file is not usable.
    """
    keypair = Keypair.from_seed(load_seed(folder / "registrar.seed"))
    (folder / REGISTRAR_ADDRESS).write_text(f"{keypair.pubkey()}\n")
    return keypair


def _registrar_address(folder: Path) -> Pubkey:
    path = folder / REGISTRAR_ADDRESS
    try:
        return Pubkey.from_string(path.read_text().strip())
    except FileNotFoundError:
        raise KeyFileError(
            f"{path} is missing: start `gtx-hub registrar`, which makes its key and writes it"
        ) from None
    except ValueError:
        raise KeyFileError(
            f"{path} holds no address: start `gtx-hub registrar` again, which writes it anew"
        ) from None
