"""The one configuration file, TOML; every mistake is told with its key."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import base58
from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import ConfigError
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load
from gridtokenx_programs.evm import BridgeId
from gridtokenx_programs.evm.words import ADDRESS, unhex

LARGEST = 2**62
HASH_SIZE = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Config:
    """What a guardian is told.

    Attributes:
        folder: where its keys and its state are.
        solana_url: its own Solana endpoint.
        genesis_hash: of the Solana chain.
        addresses: where the programs are there.
        evm_url: its own EVM endpoint.
        bridge: which bridge.
        start_block: the bridge's first block.
        confirmations: how many blocks make one final; None where the node says what is final.
        poll_s: pause between two looks.
        stale_after_s: how old the newest final block may be.
        port: of its HTTP server on 127.0.0.1.
    """

    folder: Path
    solana_url: str
    genesis_hash: bytes
    addresses: Addresses
    evm_url: str
    bridge: BridgeId
    start_block: int
    confirmations: int | None
    poll_s: int
    stale_after_s: int
    port: int


def load_config(file: Path) -> Config:
    """Read a configuration file; paths in it are relative to its folder.

    Raises:
        ConfigError: it cannot be read, or a value cannot be used.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; name a file with --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    top = _Table(values, file, "")
    solana, evm = top.table("solana"), top.table("evm")
    http = top.table("http")
    programs = [
        solana.parsed(name, Pubkey.from_string, "a program's address", load(name).id)
        for name in PROGRAM_NAMES
    ]
    config = Config(
        folder=file.parent / top.text("folder"),
        solana_url=solana.text("rpc_url"),
        genesis_hash=solana.parsed("genesis_hash", _base58_hash, "a genesis hash in base58"),
        addresses=Addresses(*programs),
        evm_url=evm.text("rpc_url"),
        bridge=BridgeId(evm.number("chain_id", 1), evm.parsed("bridge", _address, "0x…")),
        start_block=evm.number("start_block", 0, 0),
        confirmations=evm.number("confirmations", 0) if "confirmations" in evm.values else None,
        poll_s=top.number("poll_s", 1, 5),
        stale_after_s=top.number("stale_after_s", 1, 1800),
        port=http.number("port", 0),
    )
    for table in (solana, evm, http, top):
        table.finish()
    return config


class _Table:
    """A table of the file; each key is taken once."""

    def __init__(self, values: dict[str, Any], file: Path, where: str) -> None:
        self.values = dict(values)
        self._file = file
        self._where = where

    def text(self, key: str) -> str:
        value = self._take(key, None)
        if not isinstance(value, str) or not value:
            raise self._error(key, "write text in quotes")
        return value

    def number(self, key: str, least: int, default: int | None = None) -> int:
        value = self._take(key, default)
        if type(value) is not int or not least <= value <= LARGEST:
            raise self._error(key, f"write a whole number from {least} on")
        return value

    def parsed(self, key: str, parse: Callable[[str], T], what: str, default: T | None = None) -> T:
        if default is not None and key not in self.values:
            return default
        try:
            return parse(self.text(key))
        except ValueError:
            raise self._error(key, f"write {what} in quotes") from None

    def table(self, key: str) -> "_Table":
        value = self._take(key, None)
        if not isinstance(value, dict):
            raise self._error(key, f"write a table [{key}]")
        return _Table(value, self._file, f"{key}.")

    def finish(self) -> None:
        for key in self.values:
            raise self._error(key, "unknown; remove it or correct its spelling")

    def _take(self, key: str, default: object) -> Any:
        if key in self.values:
            return self.values.pop(key)
        if default is None:
            raise self._error(key, "missing; add it")
        return default

    def _error(self, key: str, problem: str) -> ConfigError:
        return ConfigError(f"{self._file}: {self._where}{key}: {problem}")


def _base58_hash(text: str) -> bytes:
    data = base58.b58decode(text)
    if len(data) != HASH_SIZE:
        raise ValueError("not 32 bytes")
    return bytes(data)


def _address(text: str) -> bytes:
    return unhex(text, ADDRESS)
