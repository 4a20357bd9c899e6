"""The keys that seal wallets, each in a file: the present one, the next, and those before.

With `wallets.seed` as the present one, `wallets-next.seed` is there while the keys are changed, and
`wallets-<key id>.seed` are earlier ones. A key that a wallet's row names is looked for on the disk
when it is not known yet, so a hub that runs while the keys are changed opens every wallet.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from solders.pubkey import Pubkey

from gridtokenx_hub.keys import SEED_SIZE, load_seed, read_seed, sync_folder

NONCE_SIZE = 12
NUMBER_SIZE = 8
NEXT = "next"


@dataclass(frozen=True, slots=True)
class WalletKey:
    """What wallets are derived from and sealed with; `key_id` names it without revealing it."""

    key_id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "WalletKey":
        """Return the key of a file's 32 bytes."""
        return cls(hashlib.sha256(b"gridtokenx wallet key" + secret).hexdigest()[:16], secret)

    def derive(self, number: int) -> bytes:
        """Return the seed of the wallet of this number."""
        return self._derive(b"gridtokenx wallet" + number.to_bytes(NUMBER_SIZE, "big"))

    def derive_evm(self, wallet: Pubkey) -> bytes:
        """Return the secp256k1 key of the EVM account that belongs to a user's wallet."""
        return self._derive(b"gridtokenx evm account" + bytes(wallet))

    def _derive(self, label: bytes) -> bytes:
        return HKDF(hashes.SHA256(), SEED_SIZE, salt=None, info=label).derive(self.secret)

    def seal(self, seed: bytes, address: bytes) -> tuple[bytes, bytes]:
        """Return a fresh nonce, and the seed of the account at an address sealed under it."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce, AESGCM(self.secret).encrypt(nonce, seed, address)

    def open(self, nonce: bytes, ciphertext: bytes, address: bytes) -> bytes:
        """Return the seed.

        Raises:
            InvalidTag: it was sealed with another key, for another address, or altered.
        """
        return AESGCM(self.secret).decrypt(nonce, ciphertext, address)


class WalletKeys:
    """The key files of one hub.

    Args:
        key_file: the present key; created when absent.

    Raises:
        KeyFileError: it has another size or can be read by others.
    """

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        self._next = self._beside(NEXT)
        present = WalletKey.of(load_seed(key_file))
        self._known = {present.key_id: present}

    def newest(self) -> WalletKey:
        """Return the key that seals new wallets: the next one as soon as there is one."""
        try:
            return WalletKey.of(read_seed(self._next))
        except FileNotFoundError:  # or not any more: then it is the present one
            return WalletKey.of(read_seed(self._file))

    def known(self, key_id: str) -> WalletKey | None:
        """Return the key of this id, None when no file holds it."""
        if key_id not in self._known:
            self._known = {key.key_id: key for key in self._read()}
        return self._known.get(key_id)

    def _read(self) -> Iterator[WalletKey]:
        # The present one last: a next one that is gone meanwhile has become it.
        for file in (*self._file.parent.glob(self._beside("*").name), self._file):
            with contextlib.suppress(FileNotFoundError):
                yield WalletKey.of(read_seed(file))

    def all(self) -> list[WalletKey]:
        """Return every key that a file holds, the present one first."""
        return list({key.key_id: key for key in reversed(list(self._read()))}.values())

    def ids(self) -> list[str]:
        """Return the ids of the keys that are known."""
        return sorted(self._known)

    def begin(self) -> WalletKey:
        """Make the next key, if a change that was broken off has not; it is on the disk then."""
        return WalletKey.of(load_seed(self._next))

    def finish(self) -> Path:
        """Put the next key into the present one's place; return where that is now.

        There is a present key at every moment, and no key is ever without a file.
        """
        retired = self._beside(WalletKey.of(read_seed(self._file)).key_id)
        if not retired.exists():
            retired.hardlink_to(self._file)
            sync_folder(self._file.parent)
        self._next.replace(self._file)
        sync_folder(self._file.parent)
        return retired

    def _beside(self, name: str) -> Path:
        return self._file.with_name(f"{self._file.stem}-{name}{self._file.suffix}")
